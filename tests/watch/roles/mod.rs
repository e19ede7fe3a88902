//! What the small programs do. Each plays one role from the moment that it is ready until it is ended.

mod epoll;
mod pace;
mod rest;
mod stream;

use crate::role::Given;

pub(crate) use pace::DATAGRAM;

/// Plays a role: its name, and what it is told behind a blank.
pub(crate) fn play(role: &str, given: Given) {
    let (name, told) = role.split_once(' ').unwrap_or((role, ""));
    let number = || told.parse().expect("it is told a number");
    match name {
        "read" => pace::read(given, number()),
        "write" => pace::write(given, number()),
        "receive" => pace::receive(given, number()),
        "send" => pace::send(given, number()),
        "sip" => pace::sip(given, number()),
        "toil" => pace::toil(given, number()),

        "sleep" => rest::sleep(given),
        "read-into-nothing" => rest::read_into_nothing(given),
        "wait-for-all" => rest::wait_for_all(given),
        "park" => rest::park(given),
        "await-pipe" => rest::await_pipe(given),
        "spin" => rest::spin(given),
        "lose-child" => rest::lose_child(given),
        "lose-worker" => rest::lose_worker(given),
        "lose-main" => rest::lose_main(given),
        "become" => rest::become_program(told),

        "watch-others" => epoll::watch_others(given),
        "stop-asking" => epoll::stop_asking(given),
        "ignore-edge" => epoll::ignore_edge(given),
        "ignore-inner" => epoll::ignore_inner(given),
        "not-rearm" => epoll::not_rearm(given),
        "wait-elsewhere" => epoll::wait_elsewhere(given),

        "relay" => stream::relay(given),
        "pour" => stream::pour(given),
        "pour-to-itself" => stream::pour_to_itself(given),
        "pour-beside" => stream::pour_beside(given),
        "await-answer" => stream::await_answer(given),
        "await-greeting" => stream::await_greeting(given),
        "poll-for-answer" => stream::poll_for_answer(given),
        "connect-to" => stream::connect_to(told, given),
        "page" => pace::page(given, number()),
        "accept" => pace::accept(given, number()),
        "connect" => pace::connect(number()),
        "serve" => stream::serve(number()),
        "fetch" => stream::fetch(told),
        "ask" => stream::ask(told),
        "accept-one" => stream::accept_one(number()),
        _ => panic!("nobody plays {name}"),
    }
}
