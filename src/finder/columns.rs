//! Times and sizes in a few characters, for a table.

use std::time::Duration;

/// `0.42s`, `12s`, `3m12s`, `5h03m`, `2d04h`: two units, at most six characters up to 99 days.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        _ if days > 0 => format!("{days}d{:02}h", hours % 24),
        _ if hours > 0 => format!("{hours}h{:02}m", minutes % 60),
        _ if minutes > 0 => format!("{minutes}m{:02}s", seconds % 60),
        0..10 => format!("{seconds}.{:02}s", duration.subsec_millis() / 10),
        _ => format!("{seconds}s"),
    }
}

/// `640K`, `12M`, `1.5G`, in units of 1024.
pub fn size(bytes: u64) -> String {
    let kib = bytes / 1024;
    let with_tenth = |unit: u64, letter| {
        let tenths = kib * 10 / unit;
        if tenths < 100 {
            format!("{}.{}{letter}", tenths / 10, tenths % 10)
        } else {
            format!("{}{letter}", tenths / 10)
        }
    };
    match kib {
        0..1024 => format!("{kib}K"),
        1024..1_048_576 => with_tenth(1024, 'M'),
        _ => with_tenth(1_048_576, 'G'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        let shown = |seconds| duration(Duration::from_secs_f64(seconds));
        let expected = ["0.00s", "0.42s", "9.99s", "12s", "3m12s", "5h03m", "2d04h", "400d00h"];
        let seconds = [0.0, 0.429, 9.999, 12.9, 192.0, 18_180.0, 187_200.0, 34_560_000.0];
        assert_eq!(seconds.map(shown), expected);
        assert_eq!(duration(Duration::MAX), "213503982334601d07h");
    }

    #[test]
    fn sizes_have_three_digits() {
        let shown = [0, 655_360, 1_048_576, 12_582_912, 1_610_612_736, 53_687_091_200].map(size);
        assert_eq!(shown, ["0K", "640K", "1.0M", "12M", "1.5G", "50G"]);
        assert_eq!(size(u64::MAX), "17179869183G");
    }
}
