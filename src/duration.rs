//! Durations as people write them: `1m 30s`, `500ms`, and a bare number of seconds (`5`, `0.5`) as sleep(1) reads it.

use std::time::Duration;

use humantime::DurationError;

/// Reads a duration. What is too long to count is [`Duration::MAX`], which no timer ever reaches; what is too short
/// to count, yet not nothing, is the shortest there is, so that "a tiny bit" never turns into "none".
///
/// # Errors
/// What is wrong with the text, in a few words.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '.')) {
        return Err("it is negative".into());
    }
    if is_number(text) {
        return text.parse().map(seconds).map_err(|_| "it is not a number".to_string());
    }
    match humantime::parse_duration(text) {
        Ok(duration) => Ok(duration),
        Err(DurationError::NumberOverflow) => Ok(Duration::MAX),
        Err(error) => with_fraction(text).ok_or_else(|| reason(&error)),
    }
}

/// humantime's own words list every unit it knows.
fn reason(error: &DurationError) -> String {
    match error {
        DurationError::UnknownUnit { unit, .. } if unit.is_empty() => "a unit is missing".into(),
        DurationError::UnknownUnit { unit, .. } => format!("no unit is called {unit}"),
        DurationError::Empty => "it is empty".into(),
        DurationError::NumberExpected(_) => "a number is missing".into(),
        _ => "no unit has such letters".into(),
    }
}

/// Digits with at most a point and an exponent; not `inf`, `nan` or anything else that a float parser takes.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
}

fn seconds(number: f64) -> Duration {
    let duration = Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX);
    if duration.is_zero() && number > 0.0 { Duration::from_nanos(1) } else { duration }
}

/// `1.5h`: one number with a fraction and one unit, as sleep(1) takes it and humantime does not.
fn with_fraction(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let number = number.trim();
    if !is_number(number) {
        return None;
    }
    let unit = humantime::parse_duration(&format!("1{unit}")).ok()?;
    number.parse::<f64>().ok().map(|n| seconds(n * unit.as_secs_f64()))
}

/// For a reader: `5s`, `1m 30s`, `250ms`, never more than two units and nothing finer than a reader wants: tenths of a second, below one
/// milliseconds.
pub fn display(duration: Duration) -> String {
    let rounded = if duration >= Duration::from_secs(60) {
        Duration::from_secs(duration.as_secs())
    } else if duration >= Duration::from_secs(1) {
        Duration::from_millis(duration.as_millis() as u64 / 100 * 100)
    } else {
        Duration::from_millis(duration.as_millis() as u64)
    };
    if rounded.is_zero() {
        return "0s".into();
    }
    humantime::format_duration(rounded).to_string().split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_numbers_are_seconds() {
        assert_eq!(parse("5"), Ok(Duration::from_secs(5)));
        assert_eq!(parse("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(parse(".5"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("1e3"), Ok(Duration::from_secs(1000)));
        assert_eq!(parse("0"), Ok(Duration::ZERO));
    }

    #[test]
    fn units_are_humantimes_and_may_have_a_fraction() {
        assert_eq!(parse("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("1.5h"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("0.25d"), Ok(Duration::from_secs(6 * 3600)));
    }

    #[test]
    fn the_huge_is_for_ever_and_the_tiny_is_not_nothing() {
        for text in ["1e400", "99999999999999999999999", "99999999999999999999y"] {
            assert_eq!(parse(text), Ok(Duration::MAX), "{text}");
        }
        assert_eq!(parse("1e-30"), Ok(Duration::from_nanos(1)));
    }

    #[test]
    fn what_is_no_duration_is_an_error() {
        for text in ["", " ", "-1", "-1s", "10€", "inf", "nan", "s", "1x", "1.2.3", "e5", ".", "1.5", "0x10"] {
            assert_eq!(parse(text).is_ok(), text == "1.5", "{text:?}");
        }
    }

    #[test]
    fn a_reader_gets_two_units_at_most() {
        assert_eq!(display(Duration::from_secs(5)), "5s");
        assert_eq!(display(Duration::from_millis(3_661_004)), "1h 1m");
        assert_eq!(display(Duration::from_micros(1_102_300)), "1s 100ms");
        assert_eq!(display(Duration::from_micros(2_300)), "2ms");
        assert_eq!(display(Duration::from_micros(10)), "0s");
    }
}
