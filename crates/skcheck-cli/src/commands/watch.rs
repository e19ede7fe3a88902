//! Samples at a fixed beat, judges each window, shows it, and sums up in the end.

use std::time::{Duration, Instant};

use skcheck_core::Gap;
use skcheck_core::watch::{Probe, judge};

use crate::commands::absent::{missing_pid, refuse_unknown_netns};
use crate::commands::engine::Loaded;
use crate::commands::failure::{Failure, Outcome};
use crate::commands::session::{Session, unheard};
use crate::commands::stdout::put;
use crate::config::{WatchConfig, WatchFormat, stdout_page, terminal_rows};
use crate::output::screen::{Screen, TerminalSize};
use crate::output::{json, table};
use crate::report::watch::{History, WatchReport};
use crate::text::Page;

/// Some reader stands still, or nobody accepts at some listener, and the caller wants to know.
const STALLED: u8 = 1;

/// A watch that is ended in its first window still judges it, unless it is shorter than this.
const LEAST_WINDOW: Duration = Duration::from_millis(100);

/// The first look waits at least so long for those that do not answer: what it learns of them serves all
/// others.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// Told to end, a watch waits so long for the last look.
const GRACE: Duration = Duration::from_millis(100);

/// Watches until it is over, or somebody ends it.
pub(crate) fn run(config: &WatchConfig) -> Result<Outcome, Failure> {
    let session = Session::with_grace(&config.roots, config.cadence.interval, GRACE)?;
    refuse_unknown_netns(&session.host, &config.query.netns)?;
    let mut display = Display { config, page: config.page, screen: Screen::default(), told: Vec::new() };
    display.begin()?;
    let loaded = Loaded::choose(config.engine, &session)?;
    let mut history = History::default();
    watch(&session, &loaded, &mut history, &mut display)?;
    display.end(&history)?;
    let code = if config.exit_code && history.stalled().all > 0 { STALLED } else { 0 };
    Ok(Outcome { code })
}

fn watch(
    session: &Session,
    loaded: &Loaded,
    history: &mut History,
    display: &mut Display<'_>,
) -> Result<(), Failure> {
    let config = display.config;
    let Session { host, signals, .. } = session;
    let mut probe = Probe::new(host, config.query.clone());
    host.begin_look(config.cadence.interval.max(FIRST_LOOK));
    let mut before = probe.sample(loaded.engine(), None)?;
    // The first look warms everything up and takes longest: the beat begins behind it.
    let begun = Instant::now();
    let mut looked = begun;
    while let Some(next) = config.cadence.next(begun.elapsed()) {
        let is_told = signals.wait(begun + next).map_err(|error| unheard(&error))?;
        if is_told && (history.windows > 0 || looked.elapsed() < LEAST_WINDOW) {
            return Ok(());
        }
        looked = Instant::now();
        host.begin_look(config.cadence.interval);
        let now = probe.sample(loaded.engine(), Some(&before))?;
        if signals.is_over() {
            // It was cut short: what it lacks says nothing.
            return Ok(());
        }
        let judgement = judge(&before, &now);
        history.note(&before, &now, &judgement);
        let circumstances = loaded.circumstances(missing_pid(host, &config.query));
        display.show(&WatchReport::new(&now, &judgement, history, &config.query, &circumstances))?;
        if is_told {
            return Ok(());
        }
        before = now;
    }
    Ok(())
}

/// Where the samples go.
struct Display<'a> {
    config: &'a WatchConfig,
    page: Page,
    screen: Screen,
    /// What could not be seen, as it was told last.
    told: Vec<Gap>,
}

impl Display<'_> {
    fn begin(&mut self) -> Result<(), Failure> {
        if !self.config.redraws {
            return Ok(());
        }
        self.draw(&table::watch::waiting())
    }

    fn show(&mut self, report: &WatchReport<'_>) -> Result<(), Failure> {
        let gaps_changed = !self.told.iter().eq(report.gaps.iter().copied());
        self.told = report.gaps.iter().map(|gap| (*gap).clone()).collect();
        if self.config.redraws {
            // It may have been resized.
            self.page = stdout_page();
            let lines = self.size().lines();
            let frame = table::watch::frame(report, self.config.top, self.page, lines);
            return self.draw(&frame);
        }
        let mut bytes = Vec::new();
        let (top, page) = (self.config.top, self.page);
        match self.config.format {
            WatchFormat::Jsonl => json::watch::write(report, top, &mut bytes),
            WatchFormat::Table => {
                let gaps = if gaps_changed { &self.told[..] } else { &[] };
                table::watch::write_block(report, gaps, top, page, &mut bytes)
            }
        }
        .map_err(Failure::Output)?;
        put(&bytes)
    }

    fn end(&mut self, history: &History) -> Result<(), Failure> {
        if self.config.format == WatchFormat::Jsonl {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let mut gaps: &[Gap] = &[];
        if self.config.redraws {
            bytes.extend(self.screen.leave().into_bytes());
            gaps = &self.told;
        }
        table::watch::write_summary(history, gaps, self.page, &mut bytes).map_err(Failure::Output)?;
        put(&bytes)
    }

    fn draw(&mut self, lines: &[String]) -> Result<(), Failure> {
        let size = self.size();
        put(self.screen.redraw(lines, size, self.page.charset).as_bytes())
    }

    fn size(&self) -> TerminalSize {
        TerminalSize { rows: terminal_rows(), columns: self.page.width.unwrap_or(usize::MAX) }
    }
}
