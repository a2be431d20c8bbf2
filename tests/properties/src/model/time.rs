//! Signed times: their forms, and the window. Counted in nanoseconds, so that nothing can overflow.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use counterfoil::Tolerance;
use counterfoil::time::TimestampFormat;

use crate::terms::Terms;

const SECOND: i128 = 1_000_000_000;

/// Reads the text of a time.
pub(crate) fn read(text: &str, format: TimestampFormat) -> Option<SystemTime> {
    let digits =
        |count| (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok());
    let seconds = || digits(10).flatten().map(|count: i128| count * SECOND);
    let millis = || digits(13).flatten().map(|count: i128| count * 1_000_000);
    let nanos = match format {
        TimestampFormat::UnixSeconds | TimestampFormat::SiteUnixSeconds => seconds(),
        TimestampFormat::UnixMillis => millis(),
        TimestampFormat::Rfc3339 => rfc3339(text),
        TimestampFormat::UnixOrRfc3339 => seconds().or_else(millis).or_else(|| rfc3339(text)),
        other => panic!("{other:?} is new here"),
    };
    nanos.map(instant)
}

/// Reads a time in a JSON value: Unix forms are numbers, RFC 3339 is a string.
pub(crate) fn read_member(raw: &str, format: TimestampFormat) -> Option<SystemTime> {
    match (super::json::string(raw), format) {
        (Some(text), TimestampFormat::Rfc3339 | TimestampFormat::UnixOrRfc3339) => {
            read(&text, TimestampFormat::Rfc3339)
        }
        (None, TimestampFormat::Rfc3339) | (Some(_), _) => None,
        (None, _) => read(raw, format),
    }
}

/// `YYYY-MM-DDTHH:MM:SS[.F]Z` or `±HH:MM`, in upper case and of 40 bytes at most.
fn rfc3339(text: &str) -> Option<i128> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| digits.iter().fold(0, |all, digit| all * 10 + i64::from(digit - b'0')))
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if bytes.len() > 40 || marks.iter().any(|(at, mark)| bytes.get(*at) != Some(mark)) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let mut at = 19;
    let mut fraction = 0;
    if bytes.get(at) == Some(&b'.') {
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let nine: String = text[at + 1..at + 1 + digits].chars().chain("000000000".chars()).take(9).collect();
        fraction = if digits == 0 { return None } else { nine.parse().ok()? };
        at += 1 + digits;
    }
    let offset = match bytes.get(at..)? {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (number(at + 1, at + 3)?, number(at + 4, at + 6)?);
            let seconds = (hours * 60 + minutes) * 60;
            if hours > 23 || minutes > 59 {
                return None;
            }
            if *sign == b'+' { seconds } else { -seconds }
        }
        _ => return None,
    };
    let lengths = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    if !(1..=length).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = |second| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    if second < 60 {
        return Some(i128::from(seconds(second)) * SECOND + fraction);
    }
    // A leap second is the last of a month in UTC, and counts as the end of the one before it.
    let next = seconds(60);
    let first_of_month = next.rem_euclid(86_400) == 0 && day_of_month(next.div_euclid(86_400)) == 1;
    first_of_month.then(|| i128::from(next) * SECOND - 1)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days from 1970-01-01, in the calendar of today.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year_of_march = if month <= 2 { year - 1 } else { year };
    let era = year_of_march.div_euclid(400);
    let year_of_era = year_of_march.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn day_of_month(days_from_1970: i64) -> i64 {
    let shifted = days_from_1970 + 719_468;
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    day_of_year - (153 * month + 2) / 5 + 1
}

/// What the window says of a signed time: its true value where that can be known, or the refusal.
pub(crate) fn judge(terms: &Terms, signed: SystemTime, now: SystemTime) -> Result<Option<SystemTime>, &'static str> {
    let (signed, now) = (nanos(signed), nanos(now));
    let of_site = terms.format() == Some(TimestampFormat::SiteUnixSeconds);
    let unknown = of_site && terms.offsets.is_empty();
    let (past, future) = match terms.tolerance {
        _ if unknown => (12 * 3600 + 300, 14 * 3600 + 60),
        Tolerance::RetrySafe => {
            let window = terms.sender.timing.retry_safe.unwrap_or(Duration::from_secs(300));
            (i128::from(window.as_secs()), 60)
        }
        Tolerance::Custom { past, future } => {
            return judge_within(terms, signed, now, length(past), length(future), false);
        }
        _ => (300, 60),
    };
    judge_within(terms, signed, now, past * SECOND, future * SECOND, unknown)
}

fn judge_within(
    terms: &Terms,
    signed: i128,
    now: i128,
    past: i128,
    future: i128,
    unknown: bool,
) -> Result<Option<SystemTime>, &'static str> {
    let offsets = terms.offsets.iter().map(|offset| i128::from(offset.seconds()) * SECOND);
    let offsets: Vec<i128> = if terms.offsets.is_empty() { vec![0] } else { offsets.collect() };
    let true_times = || offsets.iter().map(|offset| signed - offset);
    if let Some(fresh) = true_times().find(|time| now - time <= past && time - now <= future) {
        return Ok((!unknown).then(|| instant(fresh)));
    }
    Err(if true_times().any(|time| now - time > past) { "timestamp_stale" } else { "timestamp_future" })
}

fn length(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).expect("it fits")
}

pub(crate) fn nanos(at: SystemTime) -> i128 {
    match at.duration_since(UNIX_EPOCH) {
        Ok(after) => length(after),
        Err(before) => -length(before.duration()),
    }
}

fn instant(nanos: i128) -> SystemTime {
    let whole = i64::try_from(nanos.div_euclid(SECOND)).expect("it fits");
    let seconds = Duration::from_secs(whole.unsigned_abs());
    let whole = if whole < 0 { UNIX_EPOCH - seconds } else { UNIX_EPOCH + seconds };
    whole + Duration::from_nanos(u64::try_from(nanos.rem_euclid(SECOND)).expect("it fits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_rfc_3339() {
        let seconds = |text| rfc3339(text).map(|nanos| nanos / SECOND);
        assert_eq!(seconds("1985-04-12T23:20:50.52Z"), Some(482_196_050));
        assert_eq!(seconds("1996-12-19T16:39:57-08:00"), Some(851_042_397));
        assert_eq!(seconds("2000-02-29T00:00:00Z"), Some(951_782_400));
        assert_eq!(rfc3339("1990-12-31T23:59:60Z"), Some(662_688_000 * SECOND - 1));
        assert_eq!(rfc3339("1990-12-31T15:59:60-08:00"), Some(662_688_000 * SECOND - 1));
        assert_eq!(seconds("0000-01-01T00:00:00Z"), Some(-62_167_219_200));
        for text in ["1990-12-30T23:59:60Z", "1900-02-29T00:00:00Z", "1990-12-31T23:59:59", "1990-12-31T23:59:59.Z"] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
