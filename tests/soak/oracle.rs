//! What really happened, by the file of effects.

use std::path::Path;

use crate::terms::LINE;

/// How often each event had its effect, by its number, and the effects that are of none of them.
pub(crate) fn effects(file: &Path, events: usize) -> (Vec<u32>, Vec<String>) {
    let (mut effects, mut strangers) = (vec![0; events], Vec::new());
    for line in std::fs::read(file).unwrap().chunks(LINE) {
        let number = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix("evt_")?.trim().parse().ok());
        match number.and_then(|number: usize| effects.get_mut(number)) {
            Some(count) => *count += 1,
            None => strangers.push(line.escape_ascii().to_string()),
        }
    }
    (effects, strangers)
}
