//! The word that was probably meant.

/// The candidate that comes nearest to the word, if any comes near: at most half of its letters are wrong, and one is right.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .min()
        .filter(|&(far, candidate)| far < word.len() && far <= candidate.len().max(3) / 2)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out or changed to get from one word to the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.bytes().enumerate() {
            let change = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_understood_and_nonsense_is_not() {
        let words = || ["kill", "wait", "leave"].into_iter();
        assert_eq!(nearest("kil", words()), Some("kill"));
        assert_eq!(nearest("leav", words()), Some("leave"));
        assert_eq!(nearest("wiat", words()), Some("wait"));
        assert_eq!(nearest("banana", words()), None);
        assert_eq!(nearest("", words()), None);
        assert_eq!(nearest("x", ["0"].into_iter()), None);
    }
}
