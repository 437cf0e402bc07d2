//! Does what `curl` would do, so that the commands that people are shown are run.

use super::client::{Api, Pending};

/// One command, as a shell splits it.
#[derive(Debug)]
pub(crate) struct Curl {
    words: Vec<String>,
    /// What a shell would put into it.
    input: String,
}

/// What a command asks for.
pub(crate) struct Asked {
    /// `127.0.0.1:8080`.
    pub(crate) host: String,
    /// As it stands in a request.
    pub(crate) method: String,
    /// The path and the query.
    pub(crate) target: String,
    headers: Vec<String>,
    body: String,
}

/// The commands in a text, with what stands in place of `$id` in them.
pub(crate) fn curls(text: &str) -> Vec<Curl> {
    let joined = text.replace("\\\n", " ");
    let mut lines = joined.lines().map(str::trim);
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if !line.starts_with("curl ") {
            continue;
        }
        let (line, end) = line
            .split_once("<<")
            .map_or((line, None), |(line, end)| (line, Some(end.trim_matches('\''))));
        let input = end.map(|end| lines.by_ref().take_while(|it| *it != end).collect::<Vec<_>>());
        found.push(Curl { words: words(line), input: input.unwrap_or_default().join("\n") });
    }
    found
}

/// Splits at blanks outside of single quotes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

impl Curl {
    /// Reads the command; one that it does not understand is a failure.
    pub(crate) fn asked(&self, id: &str) -> Asked {
        let (mut method, mut body, mut url, mut headers) = (None, None, "", Vec::new());
        let mut words = self.words.iter().skip(1).map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "-s" => {}
                "-X" => method = words.next(),
                "-d" => body = words.next(),
                "--data-binary" => body = words.next().map(|_| &*self.input),
                "-H" => headers.push(words.next().expect("a header").to_owned()),
                option if option.starts_with('-') => panic!("{option} is not known"),
                it => url = it,
            }
        }
        let rest = url.strip_prefix("http://").unwrap_or(url);
        let (host, target) = rest.split_at(rest.find('/').expect("a path"));
        let method = method.unwrap_or(if body.is_none() { "GET" } else { "POST" });
        Asked {
            host: host.to_owned(),
            method: method.to_owned(),
            target: target.replace("$id", id),
            headers,
            body: body.unwrap_or_default().to_owned(),
        }
    }

    /// Sends it to where it says.
    pub(crate) fn send(&self) -> Pending {
        let asked = self.asked("");
        let address = asked.host.parse().expect("an address");
        asked.send_to(Api(address))
    }
}

impl Asked {
    /// Sends it to an API of that address.
    pub(crate) fn send_to(&self, api: Api) -> Pending {
        let headers: Vec<_> = self.headers.iter().map(String::as_str).collect();
        api.send_with(&self.method, &self.target, &headers, self.body.as_bytes())
    }

    /// Sends it to something else of that address.
    pub(crate) fn send_elsewhere(&self, api: Api) -> super::Reply {
        api.elsewhere(&self.method, &self.target, self.body.as_bytes())
    }
}
