//! Timestamps and the clock: the one place that reads time, and the strict forms in which senders write it.
//!
//! Everything else takes `now` as an argument. What a timestamp text means is fixed by the sender's file;
//! a text of any other form is refused, never guessed at.
//!
//! ```
//! use counterfoil::time::{Tolerance, UtcOffset};
//! use std::time::Duration;
//!
//! let tolerance = Tolerance::Custom { past: Duration::from_secs(900), future: Duration::from_secs(60) };
//! assert_ne!(tolerance, Tolerance::Strict);
//! assert_eq!("+05:30".parse::<UtcOffset>()?.seconds(), 19_800);
//! # Ok::<(), counterfoil::ConfigError>(())
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;

use crate::ConfigError;

/// How far behind `now` a signed time may lie under [`Tolerance::Strict`].
pub const STRICT_PAST: Duration = Duration::from_secs(300);
/// How far ahead of `now` a signed time may lie, under every preset.
pub const FUTURE: Duration = Duration::from_secs(60);

/// The longest timestamp text that any accepted form can have, with room for a nanosecond fraction.
const MAX_TIMESTAMP_BYTES: usize = 40;

/// Sites run from twelve hours behind UTC to fourteen ahead.
const OFFSET_BEHIND: Duration = Duration::from_secs(12 * 3600);
const OFFSET_AHEAD: Duration = Duration::from_secs(14 * 3600);

/// Where `now` comes from.
///
/// [`SystemClock`] in production; tests use `counterfoil::testing::FixedClock`.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> SystemTime;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the outermost edge: everything below takes time as an argument")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The clock of leases, deadlines and durations, which never jumps.
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}

/// The written form of a signed timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TimestampFormat {
    /// Exactly ten digits: seconds since 1970.
    UnixSeconds,
    /// Exactly thirteen digits: milliseconds since 1970.
    UnixMillis,
    /// RFC 3339 with a `T` and an offset.
    Rfc3339,
    /// Ten digits (seconds), thirteen digits (milliseconds) or RFC 3339, for a sender that states no form.
    UnixOrRfc3339,
    /// Exactly ten digits: seconds since 1970 **plus the site's UTC offset**, which is configuration.
    SiteUnixSeconds,
}

impl TimestampFormat {
    /// Reads `text`, or `None` where it is of any other form. A [`TimestampFormat::SiteUnixSeconds`] is
    /// returned as written, not corrected.
    pub(crate) fn parse(self, text: &str) -> Option<SystemTime> {
        match self {
            Self::UnixSeconds | Self::SiteUnixSeconds => unix(text, 10, Duration::from_secs),
            Self::UnixMillis => unix(text, 13, Duration::from_millis),
            Self::Rfc3339 => parse_rfc3339(text),
            Self::UnixOrRfc3339 => unix(text, 10, Duration::from_secs)
                .or_else(|| unix(text, 13, Duration::from_millis))
                .or_else(|| parse_rfc3339(text)),
        }
    }

    /// Writes `at`, or `None` where this form cannot hold it.
    pub(crate) fn format(self, at: SystemTime) -> Option<String> {
        match self {
            Self::UnixSeconds | Self::UnixOrRfc3339 | Self::SiteUnixSeconds => {
                let text = at.duration_since(UNIX_EPOCH).ok()?.as_secs().to_string();
                (text.len() == 10).then_some(text)
            }
            Self::UnixMillis => {
                let text = at.duration_since(UNIX_EPOCH).ok()?.as_millis().to_string();
                (text.len() == 13).then_some(text)
            }
            Self::Rfc3339 => format_rfc3339(at),
        }
    }
}

/// Writes `at` as RFC 3339 in UTC, or `None` outside the years 0 to 9999.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let at = UNIX_EPOCH + Duration::from_secs(1_779_105_600);
/// assert_eq!(counterfoil::time::format_rfc3339(at).as_deref(), Some("2026-05-18T12:00:00Z"));
/// ```
#[must_use]
pub fn format_rfc3339(at: SystemTime) -> Option<String> {
    let nanos = match at.duration_since(UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).ok()?,
        Err(before) => i128::try_from(before.duration().as_nanos()).ok()?.checked_neg()?,
    };
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?.format(&Rfc3339).ok()
}

/// Reads an RFC 3339 time, or `None` where `text` is not one.
///
/// ```
/// use counterfoil::time::parse_rfc3339;
///
/// assert!(parse_rfc3339("2026-05-18T12:00:00.000Z").is_some());
/// assert!(parse_rfc3339("2026-05-18 12:00:00").is_none());
/// ```
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    // The grammar also takes lower case, and a space by agreement of both sides; there is no such agreement.
    let upper = text.as_bytes().get(10) == Some(&b'T') && !text.ends_with('z');
    if text.len() > MAX_TIMESTAMP_BYTES || !upper {
        return None;
    }
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let seconds = Duration::from_secs(at.unix_timestamp().unsigned_abs());
    let whole = if at.unix_timestamp() < 0 { UNIX_EPOCH.checked_sub(seconds) } else { UNIX_EPOCH.checked_add(seconds) };
    whole?.checked_add(Duration::from_nanos(at.nanosecond().into()))
}

fn unix(text: &str, digits: usize, unit: fn(u64) -> Duration) -> Option<SystemTime> {
    if text.len() != digits || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    UNIX_EPOCH.checked_add(unit(text.parse().ok()?))
}

/// The text of a timestamp header, kept inline exactly as received: it goes under the MAC as it is.
#[derive(Clone, Copy)]
pub(crate) struct TimestampText {
    bytes: [u8; MAX_TIMESTAMP_BYTES],
    length: usize,
}

impl TimestampText {
    pub(crate) fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; MAX_TIMESTAMP_BYTES];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { bytes, length: text.len() })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// How old, and how far ahead, a signed time may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tolerance {
    /// 300 s past, 60 s future: refuses late retries of senders that do not sign each attempt anew.
    Strict,
    /// Wide enough for the sender's last automatic retry; leans on the store against replays.
    RetrySafe,
    /// Your own figures.
    Custom {
        /// How far behind `now` is still accepted, inclusive.
        past: Duration,
        /// How far ahead of `now` is still accepted, inclusive.
        future: Duration,
    },
}

/// A site's distance from UTC, for a sender that signs local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcOffset {
    seconds: i32,
}

impl UtcOffset {
    /// The offset in seconds, positive east of Greenwich.
    #[must_use]
    pub const fn seconds(self) -> i32 {
        self.seconds
    }

    fn to_utc(self, local: SystemTime) -> Option<SystemTime> {
        let distance = Duration::from_secs(u64::from(self.seconds.unsigned_abs()));
        if self.seconds < 0 { local.checked_add(distance) } else { local.checked_sub(distance) }
    }
}

impl FromStr for UtcOffset {
    type Err = ConfigError;

    /// Reads `+HH:MM` or `-HH:MM`, from `-12:00` to `+14:00`.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let refuse = || ConfigError::UtcOffsetInvalid { text: text.chars().take(16).collect() };
        let (sign, rest) = match text.as_bytes().first() {
            Some(b'+') => (1, &text[1..]),
            Some(b'-') => (-1, &text[1..]),
            _ => return Err(refuse()),
        };
        let (hours, minutes) = rest.split_once(':').ok_or_else(refuse)?;
        let number = |part: &str| {
            let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse::<i32>().ok()).flatten()
        };
        let (hours, minutes) = number(hours).zip(number(minutes)).ok_or_else(refuse)?;
        let seconds = sign * (hours * 3600 + minutes * 60);
        if minutes > 59 || !(-43_200..=50_400).contains(&seconds) {
            return Err(refuse());
        }
        Ok(Self { seconds })
    }
}

/// The accepted range of signed times, resolved when the verifier is built.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) past: Duration,
    pub(crate) future: Duration,
    /// Empty where times are UTC, or where a site's offset is not known.
    offsets: Box<[UtcOffset]>,
    /// Whether times are local times of a site whose offset is not known.
    unknown_offset: bool,
}

/// What the window says of one signed time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Judged {
    /// Inside the window; `None` where the true time cannot be known.
    Fresh(Option<SystemTime>),
    /// Older than the window by the given age.
    Stale(Duration),
    /// Further ahead than allowed.
    Future(Duration),
}

impl Window {
    pub(crate) fn utc(past: Duration, future: Duration) -> Self {
        Self { past, future, offsets: Box::default(), unknown_offset: false }
    }

    pub(crate) fn of_site(past: Duration, future: Duration, offsets: &[UtcOffset]) -> Self {
        Self { past, future, offsets: offsets.into(), unknown_offset: false }
    }

    /// Every offset on Earth is possible, so the window spans all of them.
    pub(crate) fn of_unknown_site() -> Self {
        Self {
            past: OFFSET_BEHIND + STRICT_PAST,
            future: OFFSET_AHEAD + FUTURE,
            offsets: Box::default(),
            unknown_offset: true,
        }
    }

    /// Judges `signed` as of `now`. Both ends of the window are inside it.
    pub(crate) fn judge(&self, signed: SystemTime, now: SystemTime) -> Judged {
        if self.offsets.is_empty() {
            return match self.judge_utc(signed, now) {
                Judged::Fresh(_) if self.unknown_offset => Judged::Fresh(None),
                other => other,
            };
        }
        // Summer and winter time: any offset that makes the time fresh will do. Where one says stale and the
        // other future, stale it is: only a stale delivery is looked up before it is refused.
        let (mut stale, mut future) = (None, Duration::MAX);
        for utc in self.offsets.iter().filter_map(|offset| offset.to_utc(signed)) {
            match self.judge_utc(utc, now) {
                fresh @ Judged::Fresh(_) => return fresh,
                Judged::Stale(age) => stale = Some(stale.map_or(age, |least: Duration| least.min(age))),
                Judged::Future(ahead) => future = future.min(ahead),
            }
        }
        stale.map_or(Judged::Future(future), Judged::Stale)
    }

    fn judge_utc(&self, signed: SystemTime, now: SystemTime) -> Judged {
        match now.duration_since(signed) {
            Ok(age) if age > self.past => Judged::Stale(age),
            Err(ahead) if ahead.duration() > self.future => Judged::Future(ahead.duration()),
            _ => Judged::Fresh(Some(signed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn t24_timestamps_parse_strictly() {
        use TimestampFormat::{Rfc3339, UnixOrRfc3339, UnixSeconds};
        assert_eq!(UnixSeconds.parse("1779105600"), Some(at(1_779_105_600)));
        assert_eq!(UnixOrRfc3339.parse("1779105600000"), Some(at(1_779_105_600)));
        assert_eq!(UnixOrRfc3339.parse("2026-05-18T12:00:00.000Z"), Some(at(1_779_105_600)));
        assert_eq!(Rfc3339.parse("2026-05-18T14:00:00+02:00"), Some(at(1_779_105_600)));
        assert_eq!(Rfc3339.parse("1969-12-31T23:59:59Z"), UNIX_EPOCH.checked_sub(Duration::from_secs(1)));
        for text in [
            "",
            " ",
            "0",
            "+1",
            " 1",
            "1 ",
            "1_000",
            "1e9",
            "NaN",
            "-1",
            "1.5",
            "1779105600.0",
            "177910560",
            "17791056000",
            "177910560000",
            "17791056000000",
            " 1779105600",
            "+177910560",
            "１７７９１０５６００",
            "01779105600",
            "-9223372036854775808",
            "9223372036854775807",
            "18446744073709551615",
            "99999999999999999999999999999999999999999",
            "2026-05-18",
            "2026-05-18T12:00:00",
            "2026-05-18 12:00:00Z",
            "2026-05-18t12:00:00Z",
            "2026-05-18T12:00:00z",
            "2026-13-01T00:00:00Z",
            "2026-05-18T25:00:00Z",
            "+02026-05-18T12:00:00Z",
            "2026-05-18T12:00:00+99:00",
            "2026-05-18T12:00:00.Z",
            "2026-05-18T12:00:00Z ",
            "2026-05-18T12:00:00.0000000000000000000000000000000Z",
        ] {
            for format in [UnixSeconds, Rfc3339, UnixOrRfc3339] {
                assert_eq!(format.parse(text), None, "{format:?} {text:?}");
            }
        }
        assert_eq!(UnixSeconds.parse("1779105600000"), None, "milliseconds where the scheme says seconds");
        assert!(UnixOrRfc3339.parse("9999-12-31T23:59:59Z").is_some());
    }

    #[test]
    fn both_ends_of_the_window_are_inside() {
        let window = Window::utc(STRICT_PAST, FUTURE);
        let now = at(2_000_000_000);
        assert!(matches!(window.judge(now, now), Judged::Fresh(Some(utc)) if utc == now));
        for (signed, fresh) in [(300, true), (301, false)] {
            assert_eq!(matches!(window.judge(now - Duration::from_secs(signed), now), Judged::Fresh(_)), fresh);
        }
        for (ahead, fresh) in [(60, true), (61, false)] {
            assert_eq!(matches!(window.judge(now + Duration::from_secs(ahead), now), Judged::Fresh(_)), fresh);
        }
    }

    #[test]
    fn two_offsets_cover_summer_time() {
        let offsets = ["+01:00".parse().unwrap(), "+02:00".parse().unwrap()];
        let window = Window::of_site(STRICT_PAST, FUTURE, &offsets);
        let now = at(2_000_000_000);
        for hours in [1, 2] {
            let Judged::Fresh(Some(utc)) = window.judge(now + Duration::from_secs(hours * 3600), now) else {
                panic!("{hours} h ahead is local time");
            };
            assert_eq!(utc, now);
        }
        assert!(matches!(window.judge(now, now), Judged::Stale(_)));
        assert!(matches!(window.judge(now + Duration::from_secs(3 * 3600), now), Judged::Future(_)));
    }

    #[test]
    fn offsets_parse_strictly() {
        assert_eq!("-03:30".parse::<UtcOffset>().unwrap().seconds(), -12_600);
        assert_eq!("+14:00".parse::<UtcOffset>().unwrap().seconds(), 50_400);
        assert_eq!("+13:59".parse::<UtcOffset>().unwrap().seconds(), 50_340);
        assert_eq!("-12:00".parse::<UtcOffset>().unwrap().seconds(), -43_200);
        for text in [
            "", "Z", "+2", "02:00", "+02", "+0200", "+02:60", "+14:01", "-12:01", "+99:99", "+0a:00", "+é2:00",
            "−02:00", "+2:00", "+02:0", "+002:00", "+02:000", "-0:30", "--2:00", "+02:-1",
        ] {
            assert!(text.parse::<UtcOffset>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn times_are_written_as_they_are_read() {
        use TimestampFormat::{Rfc3339, SiteUnixSeconds, UnixMillis, UnixOrRfc3339, UnixSeconds};
        let when = at(1_779_105_600);
        for format in [UnixSeconds, UnixOrRfc3339, SiteUnixSeconds] {
            assert_eq!(format.format(when).as_deref(), Some("1779105600"), "{format:?}");
        }
        assert_eq!(UnixMillis.format(when + Duration::from_millis(7)).as_deref(), Some("1779105600007"));
        assert_eq!(Rfc3339.format(when).as_deref(), Some("2026-05-18T12:00:00Z"));
        assert_eq!(Rfc3339.format(UNIX_EPOCH - Duration::from_secs(1)).as_deref(), Some("1969-12-31T23:59:59Z"));
        for beyond in [UNIX_EPOCH - Duration::from_secs(1), at(999_999_999), at(10_000_000_000)] {
            assert_eq!((UnixSeconds.format(beyond), UnixMillis.format(beyond)), (None, None), "{beyond:?}");
        }
        assert_eq!(Rfc3339.format(at(253_402_300_799)).as_deref(), Some("9999-12-31T23:59:59Z"));
        assert_eq!(Rfc3339.format(at(253_402_300_800)), None, "the year 10000");
    }

    #[test]
    fn a_fraction_may_fill_the_room_for_a_timestamp_and_no_more() {
        let text = |digits: usize| format!("2026-05-18T12:00:00.{}Z", "5".repeat(digits));
        let half = Duration::from_nanos(555_555_555);
        assert_eq!(parse_rfc3339(&text(19)), Some(at(1_779_105_600) + half));
        assert_eq!(parse_rfc3339(&text(20)), None);
        assert_eq!(TimestampText::new(&text(19)).unwrap().as_bytes(), text(19).as_bytes());
        assert!(TimestampText::new(&text(20)).is_none());
        assert_eq!(TimestampText::new("").unwrap().as_bytes(), b"");
    }

    #[test]
    fn times_before_1970_count_backwards() {
        let before = |seconds, nanos| UNIX_EPOCH.checked_sub(Duration::new(seconds, nanos));
        assert_eq!(parse_rfc3339("1970-01-01T00:00:00Z"), Some(UNIX_EPOCH));
        assert_eq!(parse_rfc3339("1970-01-01T00:00:00.25Z"), UNIX_EPOCH.checked_add(Duration::from_millis(250)));
        assert_eq!(parse_rfc3339("1969-12-31T23:59:58Z"), before(2, 0));
    }

    #[test]
    fn an_offset_east_is_ahead_of_utc_and_one_west_behind() {
        let now = at(2_000_000_000);
        for (offset, local) in [
            ("+02:00", now + Duration::from_secs(7200)),
            ("-03:30", now - Duration::from_secs(12_600)),
            ("+00:00", now),
            ("-00:00", now),
        ] {
            let window = Window::of_site(STRICT_PAST, FUTURE, &[offset.parse().unwrap()]);
            let judged = window.judge(local, now);
            assert!(matches!(judged, Judged::Fresh(Some(utc)) if utc == now), "{offset}: {judged:?}");
            let judged = window.judge(local - Duration::from_secs(301), now);
            assert!(matches!(judged, Judged::Stale(age) if age == Duration::from_secs(301)), "{offset}: {judged:?}");
            let judged = window.judge(local + Duration::from_secs(61), now);
            assert!(
                matches!(judged, Judged::Future(ahead) if ahead == Duration::from_secs(61)),
                "{offset}: {judged:?}"
            );
        }
    }

    #[test]
    fn of_two_offsets_the_nearest_says_how_far_off_a_time_is() {
        let offsets = ["+01:00".parse().unwrap(), "+02:00".parse().unwrap()];
        let window = Window::of_site(STRICT_PAST, FUTURE, &offsets);
        let now = at(2_000_000_000);
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        assert!(matches!(window.judge(now - hours(5), now), Judged::Stale(age) if age == hours(6)));
        assert!(matches!(window.judge(now + hours(5), now), Judged::Future(ahead) if ahead == hours(3)));
        // An hour and a half: too old for winter, too new for summer.
        let between = now + hours(1) + Duration::from_secs(1800);
        let judged = window.judge(between, now);
        assert!(matches!(judged, Judged::Stale(age) if age == Duration::from_secs(1800)), "{judged:?}");
    }

    #[test]
    fn where_a_site_is_not_known_every_offset_on_earth_is_possible() {
        let window = Window::of_unknown_site();
        let now = at(2_000_000_000);
        let (behind, ahead) = (Duration::from_secs(12 * 3600 + 300), Duration::from_secs(14 * 3600 + 60));
        let second = Duration::from_secs(1);
        assert!(matches!(window.judge(now - behind, now), Judged::Fresh(None)));
        assert!(matches!(window.judge(now + ahead, now), Judged::Fresh(None)));
        assert!(matches!(window.judge(now - behind - second, now), Judged::Stale(_)));
        assert!(matches!(window.judge(now + ahead + second, now), Judged::Future(_)));
    }
}
