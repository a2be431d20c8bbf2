//! A reader of JSON that keeps what other readers lose: members of one name, and the text of every value.

/// A member of an object as it stands there.
pub(crate) struct Member<'t> {
    /// `None` where its escapes are no text.
    pub(crate) name: Option<String>,
    pub(crate) value: &'t str,
}

/// The members of an object, where `text` is one and nothing else.
pub(crate) fn object(text: &str) -> Option<Vec<Member<'_>>> {
    let mut scan = Scan { text, at: 0 };
    scan.space();
    if !scan.eat("{") {
        return None;
    }
    let mut members = Vec::new();
    scan.space();
    if !scan.eat("}") {
        loop {
            scan.space();
            let name = scan.string()?;
            scan.space();
            scan.eat(":").then_some(())?;
            scan.space();
            members.push(Member { name: string(name), value: scan.value()? });
            scan.space();
            if !scan.eat(",") {
                break;
            }
        }
        scan.eat("}").then_some(())?;
    }
    scan.space();
    (scan.at == text.len()).then_some(members)
}

/// Whether `text` is one value and nothing else.
pub(crate) fn is_value(text: &str) -> bool {
    let mut scan = Scan { text, at: 0 };
    scan.space();
    let value = scan.value().is_some();
    scan.space();
    value && scan.at == text.len()
}

/// Whether any object in that value has two members of one name.
pub(crate) fn repeats(value: &str) -> bool {
    if let Some(members) = object(value) {
        let twice = |(at, member): (usize, &Member<'_>)| members[..at].iter().any(|other| other.name == member.name);
        return members.iter().enumerate().any(twice) || members.iter().any(|member| repeats(member.value));
    }
    elements(value).is_some_and(|elements| elements.into_iter().any(repeats))
}

/// The elements of an array that is JSON.
fn elements(value: &str) -> Option<Vec<&str>> {
    let mut scan = Scan { text: value, at: 0 };
    scan.eat("[").then_some(())?;
    let mut elements = Vec::new();
    loop {
        scan.space();
        if scan.eat("]") {
            return Some(elements);
        }
        elements.push(scan.value()?);
        scan.space();
        scan.eat(",");
    }
}

/// The text of a string; `None` for every other value, and for escapes that are no text.
pub(crate) fn string(raw: &str) -> Option<String> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    let mut units: Vec<u16> = Vec::new();
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            units.extend_from_slice(char.encode_utf16(&mut [0; 2]));
            continue;
        }
        let escaped = match chars.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let digits: String = chars.by_ref().take(4).collect();
                units.push(u16::from_str_radix(&digits, 16).ok()?);
                continue;
            }
            other => other,
        };
        units.extend_from_slice(escaped.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16(&units).ok()
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scan<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, word: &str) -> bool {
        let there = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += if there { word.len() } else { 0 };
        there
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) -> usize {
        let from = self.at;
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
        self.at - from
    }

    fn space(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// A string with its quotes.
    fn string(&mut self) -> Option<&'t str> {
        let from = self.at;
        self.eat("\"").then_some(())?;
        loop {
            self.skip(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
            if self.eat("\"") {
                return self.text.get(from..self.at);
            }
            self.eat("\\").then_some(())?;
            let escape = self.peek()?;
            self.at += 1;
            if escape == b'u' {
                let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                self.at += 4;
            } else if !b"\"\\/bfnrt".contains(&escape) {
                return None;
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        self.eat("-");
        if !self.eat("0") && self.skip(|byte| byte.is_ascii_digit()) == 0 {
            return None;
        }
        if self.eat(".") && self.skip(|byte| byte.is_ascii_digit()) == 0 {
            return None;
        }
        if self.eat("e") || self.eat("E") {
            if !self.eat("+") {
                self.eat("-");
            }
            return (self.skip(|byte| byte.is_ascii_digit()) > 0).then_some(());
        }
        Some(())
    }

    /// A value of any depth, without a call for each level of it.
    fn value(&mut self) -> Option<&'t str> {
        let from = self.at;
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.space();
            match self.peek()? {
                b'{' => {
                    self.at += 1;
                    self.space();
                    if !self.eat("}") {
                        open.push(b'}');
                        self.name()?;
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    self.space();
                    if !self.eat("]") {
                        open.push(b']');
                        continue;
                    }
                }
                b'"' => drop(self.string()?),
                b't' | b'f' | b'n' => (self.eat("true") || self.eat("false") || self.eat("null")).then_some(())?,
                _ => self.number()?,
            }
            loop {
                let Some(end) = open.last().copied() else { return self.text.get(from..self.at) };
                self.space();
                if self.eat(",") {
                    if end == b'}' {
                        self.space();
                        self.name()?;
                    }
                    break;
                }
                if self.peek() != Some(end) {
                    return None;
                }
                self.at += 1;
                open.pop();
            }
        }
    }

    /// A member's name and its colon.
    fn name(&mut self) -> Option<()> {
        self.string()?;
        self.space();
        self.eat(":").then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_json_and_what_is_not() {
        for text in
            ["{}", " [1, -0.5e+9 ,{\"a\":[[]]}]\n", "\"\\u00e9\\/\"", "0", "{\"a\":1,\"a\":null}", "\"\\ud800\""]
        {
            assert!(is_value(text), "{text}");
        }
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "\"\n\"",
            "\"\\x\"",
            "{}{}",
            "nul",
            "{a:1}",
            "[1 2]",
            "]",
        ] {
            assert!(!is_value(text), "{text}");
        }
        assert_eq!(string(r#""a\u0041\ud83d\ude00\/""#).as_deref(), Some("aA\u{1f600}/"));
        assert_eq!(string(r#""\ud800""#), None);
        assert!(repeats(r#"{"a":[{"b":1,"\u0062":2}]}"#) && !repeats(r#"{"a":[{"b":1},{"b":2}]}"#));
    }
}
