//! Spans, exported over OTLP/HTTP by OpenTelemetry's own exporter, in batches and from
//! a thread of its own: no request waits for it, and what it cannot take is lost.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor as _,
};

use crate::clock::{self, Civil, Instant};
use crate::trace::{Span, Spans};

/// How long what waits may take to go out when the engine ends.
const LAST_MAX: Duration = Duration::from_secs(5);

/// Sends spans to a collector.
pub struct Otlp {
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
    share: f64,
    /// The same moment on both clocks.
    anchor: (SystemTime, Instant),
}

impl Otlp {
    /// Sends to `endpoint`, such as `http://127.0.0.1:4318/v1/traces`, and of the
    /// traces that begin here a share.
    ///
    /// # Errors
    /// Where the exporter cannot be had.
    pub fn start(endpoint: &str, share: f64) -> anyhow::Result<Self> {
        let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint).build()?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        processor.set_resource(&Resource::builder().with_service_name("prefill").build());
        let version = env!("CARGO_PKG_VERSION");
        let scope = InstrumentationScope::builder("prefill").with_version(version).build();
        let now = Civil::system().now().max(0) as u64;
        let anchor = (SystemTime::UNIX_EPOCH + Duration::from_millis(now), clock::monotonic());
        Ok(Self { processor, scope, share, anchor })
    }

    fn at(&self, moment: Instant) -> SystemTime {
        let (time, anchor) = self.anchor;
        match moment.checked_duration_since(anchor) {
            Some(since) => time + since,
            None => time - (anchor - moment),
        }
    }

    fn data(&self, span: Span) -> SpanData {
        let (trace, id, sampled) = span.context.parts();
        let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
        let context = SpanContext::new(
            TraceId::from_bytes(trace),
            SpanId::from_bytes(id),
            flags,
            false,
            TraceState::default(),
        );
        let facts = span.facts.into_iter();
        let kind = match span.name {
            "prefill" => SpanKind::Server,
            "call" => SpanKind::Client,
            _ => SpanKind::Internal,
        };
        SpanData {
            span_context: context,
            parent_span_id: span.parent.map_or(SpanId::INVALID, SpanId::from_bytes),
            parent_span_is_remote: kind == SpanKind::Server && span.parent.is_some(),
            span_kind: kind,
            name: span.name.into(),
            start_time: self.at(span.began),
            end_time: self.at(span.ended),
            attributes: facts
                .map(|(name, value)| KeyValue::new(name, String::from(value)))
                .collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: if span.failed { Status::error("") } else { Status::Unset },
            instrumentation_scope: self.scope.clone(),
        }
    }
}

impl Spans for Otlp {
    fn share(&self) -> f64 {
        self.share
    }

    fn take(&self, spans: Vec<Span>) {
        spans.into_iter().for_each(|span| self.processor.on_end(self.data(span)));
    }
}

impl Drop for Otlp {
    fn drop(&mut self) {
        if let Err(error) = self.processor.shutdown_with_timeout(LAST_MAX) {
            tracing::warn!(%error, "the last spans were not taken");
        }
    }
}
