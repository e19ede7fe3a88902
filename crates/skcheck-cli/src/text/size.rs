//! Sizes and shares, in and out.

/// Units of a SIZE: their names in lower case, and their bytes.
const UNITS: [(&[&str], u64); 11] = [
    (&["", "b"], 1),
    (&["k", "kib"], 1 << 10),
    (&["m", "mib"], 1 << 20),
    (&["g", "gib"], 1 << 30),
    (&["t", "tib"], 1 << 40),
    (&["p", "pib"], 1 << 50),
    (&["kb"], 1_000),
    (&["mb"], 1_000_000),
    (&["gb"], 1_000_000_000),
    (&["tb"], 1_000_000_000_000),
    (&["pb"], 1_000_000_000_000_000),
];

/// More digits behind the point than this cannot matter to a number of bytes.
const MAX_DECIMALS: usize = 18;

/// The bytes that a SIZE names: `4096`, `64K`, `1.5G` (powers of 1024), `1MB` (powers of 1000),
/// `1MiB`. A fraction of a byte is rounded up, because sizes mean "at least".
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let allowed = || "not a size: write 4096, 64K, 1.5G (powers of 1024), 1MiB, or 1MB (powers of 1000)";
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.to_ascii_lowercase();
    let factor = UNITS.iter().find(|(names, _)| names.contains(&unit.as_str())).map(|(_, factor)| *factor);
    let (whole, decimals) = match number.split_once('.') {
        Some((whole, decimals)) if !decimals.is_empty() => (whole, decimals),
        Some(_) => return Err(allowed().to_owned()),
        None => (number, ""),
    };
    let (Some(factor), false) = (factor, whole.is_empty() || decimals.contains('.')) else {
        return Err(allowed().to_owned());
    };
    let too_large = || "too large: a size is less than 16384P".to_owned();
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > MAX_DECIMALS {
        return Err(format!("too many digits behind the point: at most {MAX_DECIMALS}"));
    }
    let whole: u64 = whole.parse().map_err(|_| too_large())?;
    let fraction: u128 = if decimals.is_empty() { 0 } else { decimals.parse().map_err(|_| too_large())? };
    let scale = 10u128.pow(u32::try_from(decimals.len()).unwrap_or(0));
    let bytes = u128::from(whole) * u128::from(factor) + (fraction * u128::from(factor)).div_ceil(scale);
    u64::try_from(bytes).map_err(|_| too_large())
}

/// A size in IEC units, with three or four digits: `17 B`, `1.5 MiB`, `64 KiB`, `1023 KiB`.
pub(crate) fn size(bytes: u64) -> String {
    const NAMES: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    for (name, shift) in NAMES.iter().zip((10..).step_by(10)) {
        let unit = 1u128 << shift;
        let rounded = |parts: u128| (u128::from(bytes) * parts + unit / 2) / unit;
        if u128::from(bytes) % unit == 0 && rounded(1) < 1024 {
            return format!("{} {name}", rounded(1));
        }
        if rounded(10) < 1000 {
            return format!("{}.{} {name}", rounded(10) / 10, rounded(10) % 10);
        }
        if rounded(1) < 1024 {
            return format!("{} {name}", rounded(1));
        }
    }
    format!("{bytes} B")
}

/// A remainder in the same units, with its sign: `-12 MiB`.
pub(crate) fn signed_size(bytes: i64) -> String {
    let sign = if bytes < 0 { "-" } else { "" };
    format!("{sign}{}", size(bytes.unsigned_abs()))
}

/// A share with one decimal: `19.5 %`, `<0.1 %`, `100 %`.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let (part, whole) = (u128::from(part), u128::from(whole));
    match (part * 1000 + whole / 2).checked_div(whole) {
        None => "?".to_owned(),
        Some(0) if part > 0 => "<0.1 %".to_owned(),
        Some(tenths) if tenths >= 1000 => format!("{} %", tenths / 10),
        Some(tenths) => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}
