//! What is told of one request to whoever collects spans: its steps and its calls.

use super::{Attempt, Rejection};
use crate::clock::{self, Instant};
use crate::model::{How, Outcome, Resolution};
use crate::trace::{Context, Span};

/// When each step of a request ended; nothing where nobody collects them.
pub(super) struct Steps(Option<Vec<(&'static str, Instant)>>);

impl Steps {
    /// The step of this name has ended.
    pub(super) fn end(&mut self, name: &'static str) {
        if let Some(steps) = &mut self.0 {
            steps.push((name, clock::monotonic()));
        }
    }
}

impl Attempt<'_> {
    pub(super) fn steps(&self) -> Steps {
        let wanted =
            self.core.shared.spans.is_some() && self.trace.as_ref().is_some_and(Context::sampled);
        Steps(wanted.then(Vec::new))
    }

    /// Tells what was done, to whoever collects it.
    pub(super) fn tell(&self, steps: Steps, resolution: &Resolution, failed: Option<&Rejection>) {
        let (Some(steps), Some(spans), Some(whole)) =
            (steps.0, &self.core.shared.spans, &self.trace)
        else {
            return;
        };
        let mut told = vec![self.whole(whole, failed)];
        let mut began = self.began;
        for (name, ended) in steps {
            told.push(Span { began, ended, ..self.part(whole, name) });
            began = ended;
        }
        // Calls are parts of the first `resolve`, or of the request that had none.
        let parent = told.iter().find(|span| span.name == "resolve").unwrap_or(&told[0]);
        let parent = parent.context.clone();
        let calls = 0..self.core.terms.catalogue.procedure(self.request.procedure).calls.len();
        let calls = calls.filter_map(|index| self.call(&parent, resolution, index));
        told.extend(calls.collect::<Vec<_>>());
        spans.take(told);
    }

    fn whole(&self, context: &Context, failed: Option<&Rejection>) -> Span {
        let catalogue = &self.core.terms.catalogue;
        let procedure = catalogue.procedure(self.request.procedure);
        let mut facts: Vec<(_, Box<str>)> = vec![
            ("prefill.disclosure", self.disclosure.to_string().into()),
            ("prefill.procedure", procedure.name.clone()),
            (
                "prefill.organisation",
                catalogue.organisation(self.request.organisation).name.clone(),
            ),
            ("prefill.channel", self.request.channel.as_str().into()),
        ];
        facts.extend(failed.map(|rejection| ("error.type", rejection.kind().into())));
        Span {
            context: context.clone(),
            parent: self.parent,
            name: "prefill",
            began: self.began,
            ended: clock::monotonic(),
            facts,
            failed: failed.is_some(),
        }
    }

    fn part(&self, of: &Context, name: &'static str) -> Span {
        Span {
            context: of.child(&self.core.entropy),
            parent: Some(of.parts().1),
            name,
            began: self.began,
            ended: self.began,
            facts: Vec::new(),
            failed: false,
        }
    }

    /// A register's call; none where the answer was in memory.
    fn call(&self, of: &Context, resolution: &Resolution, index: usize) -> Option<Span> {
        let outcome = resolution.call(index).outcome()?;
        let (how, took) = resolution.how(index);
        if how == How::Kept {
            return None;
        }
        let catalogue = &self.core.terms.catalogue;
        let planned = &catalogue.procedure(self.request.procedure).calls[index];
        let began = self.began + resolution.since(index);
        Some(Span {
            began,
            ended: began + took,
            facts: vec![
                ("prefill.register", catalogue.register(planned.register).name.clone()),
                ("prefill.outcome", outcome.as_str().into()),
                ("prefill.how", how.as_str().into()),
            ],
            failed: matches!(outcome, Outcome::Failed(_)),
            ..self.part(of, "call")
        })
    }
}
