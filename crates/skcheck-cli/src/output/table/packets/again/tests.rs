use std::time::Duration;

use super::*;

fn empty() -> RepeatedLook {
    RepeatedLook {
        time: Duration::from_secs(5),
        change: Change::default(),
        errors: Change::default(),
        taken: None,
        looks: 1,
        ring_read: None,
    }
}

#[test]
fn what_is_in_no_queue() {
    let ring = |ring_read| became(&RepeatedLook { ring_read, ..empty() }, Truesize(0));
    let nothing = "After 5 s it has read nothing from its ring: the oldest there is the same.";
    assert_eq!(ring(Some(false)), nothing);
    assert_eq!(ring(Some(true)), "After 5 s it has read from its ring.");
    assert_eq!(
        became(&empty(), Truesize(1)),
        "After 5 s there is nothing in its own queues; whether it has read the rest cannot be told."
    );
}

#[test]
fn what_became_of_packets_in_words() {
    let check = |counts: [usize; 6], expected: &str| {
        let [before, untouched, grown, begun, gone, arrived] = counts;
        let mut change = Change::default();
        (change.before, change.untouched, change.grown) = (before, untouched, grown);
        (change.begun, change.gone, change.arrived) = (begun, gone, arrived);
        let again = RepeatedLook { change, ..empty() };
        assert_eq!(became(&again, Truesize(0)), expected);
    };
    check(
        [2000, 2000, 0, 0, 0, 0],
        "After 5 s the same 2000 packets are there, untouched: nobody has read in that time.",
    );
    check([1, 1, 0, 0, 0, 0], "After 5 s the same packet is there, untouched: nobody has read in that time.");
    check(
        [9, 8, 1, 0, 0, 3],
        "After 5 s all 9 packets are still there (1 grew by what arrived, 3 arrived): nobody has read in that \
         time.",
    );
    check(
        [9, 5, 0, 1, 3, 20],
        "After 5 s 5 of 9 packets are still there, untouched; 3 were read or dropped, 1 read in part, 20 arrived.",
    );
    check([0; 6], "After 5 s there is still nothing to read.");
    check([0, 0, 0, 0, 0, 2], "After 5 s 2 packets are there that were not before.");
}

#[test]
fn what_became_of_other_queues_in_words() {
    let check = |[before, gone, arrived]: [usize; 3], taken, expected: &str| {
        let mut errors = Change::default();
        (errors.before, errors.gone, errors.arrived) = (before, gone, arrived);
        errors.untouched = before - gone;
        let words = became(&RepeatedLook { errors, taken, ..empty() }, Truesize(0));
        assert_eq!(words, format!("After 5 s there is still nothing to read.{expected}"));
    };
    check([0; 3], None, "");
    check([910, 0, 0], None, " Nobody has fetched the 910 packets in the error queue.");
    check([910, 900, 5], None, " 900 of 910 packets in the error queue were fetched.");
    check([0, 0, 1], None, " 1 packet came into the error queue.");
    check([0; 3], Some(0), " The peer has taken 0 B of what waits to be sent.");
}
