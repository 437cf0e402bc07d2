//! What the log says of one request: each line has its disclosure's id, which is the
//! entry's and the registers', and its trace's where there is one. At `debug`: a line
//! for each request is for whoever looks for one.

use super::{Attempt, Rejection};
use crate::clock;
use crate::consent::Bundle;
use crate::ledger::Disclosed;
use crate::model::{Outcome, Resolution};
use crate::trace::Context;

impl Attempt<'_> {
    /// One line for each call that failed it, and one for how it ended.
    pub(super) fn log(
        &self,
        resolution: &Resolution,
        ended: Result<&Disclosed<Bundle>, &Rejection>,
    ) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let catalogue = &self.core.terms.catalogue;
        let (disclosure, trace) = (self.disclosure, self.trace.as_ref().map(Context::id));
        let trace = trace.as_deref();
        let procedure = catalogue.procedure(self.request.procedure);
        for (index, call) in procedure.calls.iter().enumerate() {
            if let Some(Outcome::Failed(why)) = resolution.call(index).outcome() {
                let (register, why) = (&*catalogue.register(call.register).name, why.as_str());
                tracing::debug!(%disclosure, trace, register, why, "a register fills nothing");
            }
        }
        let outcome = match ended {
            Ok(bundle) if bundle.get().released.complete => "complete",
            Ok(_) => "partial",
            Err(rejection) => rejection.kind(),
        };
        let took = (clock::monotonic() - self.began).as_micros() as u64;
        let (procedure, channel) = (&*procedure.name, self.request.channel.as_str());
        tracing::debug!(
            %disclosure, trace, procedure, channel, outcome, took_us = took,
            "a request is answered"
        );
    }
}
