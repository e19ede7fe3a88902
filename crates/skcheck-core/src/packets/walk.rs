//! Walks the queues of one socket.

use std::io;

use crate::collect::survey::identities;
use crate::engine::{Engine, Found, Limits, Step, Target};
use crate::host::Host;
use crate::model::error::Error;
use crate::model::holder::Holder;
use crate::packets::listing::Listing;
use crate::packets::{descriptor, lock_keepers, refusal};

/// Lists the packets in the queues of the socket that a descriptor refers to: of a process, or of a thread,
/// whose id then stands for that of the process unless the holder has it.
///
/// # Errors
/// When the descriptor is not there, or refers to no socket whose queues can be walked; when the engine
/// fails; and when the socket vanished meanwhile.
pub fn packets(
    host: &dyn Host,
    engine: &dyn Engine,
    holder: Holder,
    limits: &Limits,
) -> Result<Listing, Error> {
    let Found { socket, netns, .. } = descriptor::socket(host, engine, holder)?;
    let place = if limits.lock { descriptor::namespace(host, holder, netns) } else { None };
    let target = Target::of(&socket);
    let target = target.map(|target| target.within(&socket, place.as_ref()).held_by(Some(holder.pid)));
    let target = target.ok_or_else(|| descriptor::no_socket(host, holder, &refusal::of_socket(&socket)))?;
    let mut listing = Listing::empty(socket, netns);
    listing.comm = identities::name_of(host, holder.pid);
    match walk(engine, target, limits, &mut listing) {
        Ok(true) => Ok(listing),
        Ok(false) => Err(descriptor::no_socket(host, holder, "it was closed while it was looked at")),
        Err(error) if limits.lock && error.kind() == io::ErrorKind::TimedOut => {
            let keepers = lock_keepers::names(host, engine, netns);
            Err(Error::engine(engine.name(), &refusal::of_lock(&error, keepers)))
        }
        Err(error) => Err(Error::engine(engine.name(), &error)),
    }
}

/// Whether the socket was there to the end.
fn walk(engine: &dyn Engine, target: Target<'_>, limits: &Limits, listing: &mut Listing) -> io::Result<bool> {
    let mut ended = false;
    engine.walk(&[target], limits, &mut |_, step| match step {
        Step::Packet(packet) => listing.packets.push(packet.clone()),
        Step::Anew => {
            listing.packets.clear();
            listing.queues.clear();
        }
        Step::QueueEnd(end) => listing.queues.push(end),
        Step::End(counters) => {
            listing.counters = *counters;
            ended = true;
        }
    })?;
    Ok(ended)
}
