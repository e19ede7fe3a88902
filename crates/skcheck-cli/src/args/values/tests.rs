use super::*;

#[test]
fn namespaces_that_may_be_asked_for() {
    let check = |text: &str, expected: NetnsChoice| assert_eq!(parse_netns(text), Ok(expected), "{text}");
    check("all", NetnsChoice::All);
    check("current", NetnsChoice::Current);
    check("4711", NetnsChoice::OfProcess(4711));
    check("/proc/1/ns/net", NetnsChoice::OfFile("/proc/1/ns/net".into()));
    check("blue", NetnsChoice::OfFile("/run/netns/blue".into()));
    check("47b", NetnsChoice::OfFile("/run/netns/47b".into()));
    for text in ["", ".", "..", "0", "4294967296", "run/netns/blue", "../blue"] {
        assert!(parse_netns(text).is_err(), "{text}");
    }
}

#[test]
fn every_state_has_its_names() {
    for state in State::ALL.into_iter().filter(|state| *state != State::TimeWait) {
        assert_eq!(parse_state(state.name()), Ok(state));
        assert_eq!(parse_state(&state.name().replace('_', "-").to_uppercase()), Ok(state));
    }
    let of_ss =
        ["estab", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "closed", "unconn", "listening"];
    let expected =
        ["established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "close", "close", "listen"];
    for (name, state) in of_ss.iter().zip(expected) {
        assert_eq!(parse_state(name).unwrap().name(), state);
    }
    for text in ["", "foo", "established "] {
        assert!(parse_state(text).unwrap_err().contains("closed-held"), "{text}");
    }
    assert!(parse_state("time-wait").unwrap_err().contains("no data"));
}

#[test]
fn times_between_two_looks() {
    assert_eq!(parse_again("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(parse_again("1h"), Ok(MAX_AGAIN));
    for text in ["0s", "3601s", "2h", "5", ""] {
        assert!(parse_again(text).is_err(), "{text}");
    }
}

#[test]
fn times_that_make_no_sense() {
    for text in ["0s", "99ms", "61m", "2h", "5", "1.5s", "-1s", ""] {
        assert!(parse_interval(text).is_err(), "{text}");
    }
    assert_eq!(parse_interval("100ms"), Ok(SHORTEST));
    assert_eq!(parse_interval("1h"), Ok(LONGEST));
    assert_eq!(parse_length("48h"), Ok(Duration::from_secs(48 * 3600)));
    assert!(parse_length("0s").is_err());
}

#[test]
fn ceilings_that_may_be_typed() {
    let check = |text: &str, expected: Ceiling| assert_eq!(parse_ceiling(text), Ok(expected), "{text}");
    check("2G", Ceiling::Size(2 << 30));
    check("0", Ceiling::Size(0));
    check("5%", Ceiling::Share(5_000));
    check("0%", Ceiling::Share(0));
    check("0.5%", Ceiling::Share(500));
    check("12.345%", Ceiling::Share(12_345));
    check("100%", Ceiling::Share(100_000));
    check("100.0%", Ceiling::Share(100_000));
    for text in
        ["", "%", "5 %", "-5%", ".5%", "5.%", "100.001%", "0.0001%", "1e2%", "5G%", "99999999999999999999%"]
    {
        let refusal = parse_ceiling(text).unwrap_err();
        assert!(refusal.contains("5%"), "{text}: {refusal}");
    }
}
