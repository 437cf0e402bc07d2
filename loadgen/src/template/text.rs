//! Texts with placeholders, such as `/orders/{{order}}`.

use std::fmt::Write as _;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The request's number in the run, from zero.
    Number,
    /// Whose turn it is, and what belongs together.
    Subject,
    Case,
    /// A counter, by its place.
    Counter(usize),
    /// A column of the rows.
    Column(usize),
    /// A person's identifier, names and day of birth.
    Matricule,
    GivenName,
    FamilyName,
    DateOfBirth,
}

/// What a value must not break out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// Nothing that a value could break.
    Plain,
    /// The text of a JSON string.
    Json,
    /// A path, a query, or a form: each byte that is not unreserved in a URL is
    /// written as `%XX`.
    Url,
}

/// A text, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Text {
    parts: Vec<Part>,
    within: Within,
}

#[derive(Clone, Debug)]
enum Part {
    Fixed(String),
    Placeholder(Source),
}

/// What is wrong with a text, and where: a byte's place in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) at: usize,
    pub(super) what: String,
}

impl Text {
    /// Takes a text apart; `source` knows the placeholders.
    pub(super) fn parse(
        text: &str,
        within: Within,
        source: impl Fn(&str) -> Result<Source, String>,
    ) -> Result<Self, Mistake> {
        let (mut parts, mut at) = (Vec::new(), 0);
        while let Some(opens) = text[at..].find("{{").map(|it| at + it) {
            let wrong = |what| Mistake { at: opens, what };
            let name = &text[opens + 2..];
            let length = name.find("}}").ok_or_else(|| wrong("`{{` without `}}`".into()))?;
            if opens > at {
                parts.push(Part::Fixed(text[at..opens].to_owned()));
            }
            parts.push(Part::Placeholder(source(name[..length].trim()).map_err(wrong)?));
            at = opens + 2 + length + 2;
        }
        if at < text.len() {
            parts.push(Part::Fixed(text[at..].to_owned()));
        }
        Ok(Self { parts, within })
    }

    /// The text itself where it is always the same.
    pub(super) fn fixed(&self) -> Option<&str> {
        match &self.parts[..] {
            [] => Some(""),
            [Part::Fixed(text)] => Some(text),
            _ => None,
        }
    }

    /// Adds the text with these values.
    pub(super) fn fill(&self, value: impl Fn(Source) -> String, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Fixed(text) => out.push_str(text),
                Part::Placeholder(source) => self.within.put(&value(*source), out),
            }
        }
    }
}

impl Within {
    fn put(self, value: &str, out: &mut String) {
        match self {
            Self::Plain => out.push_str(value),
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
            Self::Url => {
                for byte in value.bytes() {
                    match byte {
                        b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
                        _ if byte.is_ascii_alphanumeric() => out.push(byte.into()),
                        _ => {
                            let _ = write!(out, "%{byte:02X}");
                        }
                    }
                }
            }
        }
    }
}
