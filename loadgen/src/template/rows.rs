//! Values from a file: CSV with a header, each row used in turn.

/// Rows of as many values as there are columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// What is wrong with a line, from one on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) line: usize,
    pub(super) what: String,
}

impl Rows {
    /// Reads a file's text; a value with a comma or a quote stands in quotes
    /// (RFC 4180), on one line.
    pub(super) fn parse(text: &str) -> Result<Self, Mistake> {
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty());
        let (line, header) = lines.next().ok_or_else(|| wrong(1, "there is no header"))?;
        let columns = values(header).map_err(|what| wrong(line, what))?;
        let mut rows = Vec::new();
        for (line, text) in lines {
            let row = values(text).map_err(|what| wrong(line, what))?;
            if row.len() != columns.len() {
                let what = format!("{} values for {} columns", row.len(), columns.len());
                return Err(Mistake { line, what });
            }
            rows.push(row);
        }
        match rows.is_empty() {
            true => Err(wrong(line, "there is no row below the header")),
            false => Ok(Self { columns, rows }),
        }
    }

    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// After the last row, the first comes again.
    pub(super) fn value(&self, turn: u64, column: usize) -> &str {
        &self.rows[(turn % self.rows.len() as u64) as usize][column]
    }
}

fn wrong(line: usize, what: &str) -> Mistake {
    Mistake { line, what: what.to_owned() }
}

fn values(line: &str) -> Result<Vec<String>, &'static str> {
    if line.chars().any(char::is_control) {
        // Whatever a value stands in, it cannot end it.
        return Err("a control character");
    }
    let (mut values, mut rest) = (Vec::new(), line);
    loop {
        let value = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) = unquoted(quoted)?;
                rest = after;
                value
            }
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let value = rest[..end].to_owned();
                rest = &rest[end..];
                value
            }
        };
        values.push(value);
        rest = match rest.strip_prefix(',') {
            Some(rest) => rest,
            None if rest.is_empty() => return Ok(values),
            None => return Err("text after a quoted value"),
        };
    }
}

/// The value up to its closing quote, and what stands after it.
fn unquoted(text: &str) -> Result<(String, &str), &'static str> {
    let (mut value, mut rest) = (String::new(), text);
    loop {
        let end = rest.find('"').ok_or("a quote that does not end on its line")?;
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                value.push('"');
                rest = after;
            }
            None => return Ok((value, rest)),
        }
    }
}
