//! `engine probe`: asks a register once, as its description says, and tells how
//! far the answer is what the description promises.
//!
//! For whoever connects a register: nothing but the register's file is needed,
//! and what is told may be shown to anybody, as it has no value and no key.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use crate::catalogue::{Register, Source};
use crate::model::AttributeMask;
use crate::net::Tcp;
use crate::registers::{self, Group, Outcome, Probe};

/// What to ask, whom, and for whom.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The register's description, such as registers/rnpp.toml.
    pub register: PathBuf,
    /// About whom: the key, as the register knows it. It is never shown.
    #[arg(long)]
    pub key: String,
    /// Where the register is.
    #[arg(long, value_name = "HOST:PORT")]
    pub at: String,
    /// Attributes to ask for, by the names in the description; all by default.
    #[arg(long, value_delimiter = ',')]
    pub fields: Vec<String>,
    /// The organisation that the call is for, where the description sends one.
    #[arg(long, default_value = "probe")]
    pub organisation: String,
    /// The procedure that the call is for, where the description sends one.
    #[arg(long, default_value = "probe")]
    pub procedure: String,
}

/// What came of it.
#[derive(Debug)]
pub enum Probed {
    /// The call was made.
    Called {
        /// How far the answer conforms.
        outcome: Outcome,
        /// For people to read.
        text: String,
    },
    /// It was not: what is wrong with the description, or with the options.
    Mistakes(Vec<String>),
}

/// Makes the call.
///
/// # Errors
/// Where there is no runtime to be had.
pub fn run(options: &Options) -> anyhow::Result<Probed> {
    let prepared = prepare(options);
    let (register, attributes, address) = match prepared {
        Ok(prepared) => prepared,
        Err(mistakes) => return Ok(Probed::Mistakes(mistakes)),
    };
    let probe = Probe {
        register: &register,
        address,
        connect: Arc::new(Tcp),
        key: options.key.as_str().into(),
        group: Group {
            attributes,
            organisation: options.organisation.as_str().into(),
            procedure: options.procedure.as_str().into(),
        },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(registers::probe(&probe));
    let ending = match report.outcome {
        Outcome::Conforms => "the answer conforms to the description",
        Outcome::DoesNotConform => "the answer does not conform to the description",
        Outcome::NoAnswer => "there is no answer to compare with the description",
    };
    let text = format!("{}\n{ending}", report.lines.join("\n"));
    Ok(Probed::Called { outcome: report.outcome, text })
}

fn prepare(options: &Options) -> Result<(Register, AttributeMask, SocketAddr), Vec<String>> {
    let register = compile(options)?;
    let attributes = attributes(options, &register)?;
    let found = options.at.to_socket_addrs().with_context(|| format!("--at {}", options.at));
    let address = found.and_then(|mut all| all.next().context("--at names no address"));
    let address = address.map_err(|error| vec![format!("{error:#}")])?;
    Ok((register, attributes, address))
}

fn compile(options: &Options) -> Result<Register, Vec<String>> {
    let path = options.register.display().to_string();
    let text = std::fs::read_to_string(&options.register);
    let text = text.map_err(|error| vec![format!("{path}: {error}")])?;
    Register::compile(&Source { path, text })
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

fn attributes(options: &Options, register: &Register) -> Result<AttributeMask, Vec<String>> {
    if options.fields.is_empty() {
        return Ok(register.all());
    }
    let unknown = |name: &String| {
        let known: Vec<_> = register.attributes.iter().map(|known| &*known.name).collect();
        vec![format!("--fields: there is no attribute `{name}`; known are {}", known.join(", "))]
    };
    options.fields.iter().map(|name| register.find(name).ok_or_else(|| unknown(name))).collect()
}
