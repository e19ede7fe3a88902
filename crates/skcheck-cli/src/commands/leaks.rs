//! Who opens sockets and never releases them: look, wait, look again, write.

use std::io::{self, BufWriter, Write};

use skcheck_core::leaks::{self, Thresholds};

use crate::args::{DocumentFormat, LeaksArgs};
use crate::commands::session::Session;
use crate::commands::{Failure, Outcome};
use crate::output;
use crate::text::Page;

/// A process is listed, and the caller wants to know.
const LISTED: u8 = 1;

/// Looks at this host twice.
pub(crate) fn run(args: &LeaksArgs, page: Page) -> Result<Outcome, Failure> {
    let session = Session::begin(&args.roots, args.timeout.timeout)?;
    let thresholds = Thresholds { open: args.min_open, leaked: args.min_leaked };
    let first = leaks::look(&session.host, thresholds)?;
    let leaks = match session.sleep(leaks::PAUSE) {
        Ok(()) => first.again(),
        // Told to end before the second look: what the first one saw.
        Err(_) if session.signals.code().is_some() => first.alone(),
        Err(failure) => return Err(failure),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        DocumentFormat::Table => output::leaks::write(&leaks, thresholds, page, &mut out),
        DocumentFormat::Json => output::json::leaks::write(&leaks, thresholds, &mut out),
    };
    written.and_then(|()| out.flush()).map_err(Failure::Output)?;
    let is_listed = !(leaks.open.is_empty() && leaks.leaked.is_empty());
    Ok(session.outcome(if args.exit_code && is_listed { LISTED } else { 0 }))
}
