//! Writes metrics as Prometheus reads them, in either of its two text formats.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::cells::{Counter, Histogram};
use super::{Metrics, State};

/// How a page of metrics is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0, for those who ask for it.
    OpenMetrics,
    /// The older format, which everything reads.
    Text,
}

/// One scrape.
struct Scrape {
    metrics: Arc<Metrics>,
    state: State,
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.metrics.write(&self.state, &mut Page(encoder))
    }
}

/// All metrics, with the state of the moment.
pub(super) fn text(metrics: &Arc<Metrics>, state: State, format: Format) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape { metrics: metrics.clone(), state }));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)
        .expect("a string takes every byte");
    match format {
        Format::OpenMetrics => text,
        Format::Text => older(&text),
    }
}

/// The older format names a counter as its samples are named, and has no end.
fn older(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| *line != "# EOF").collect();
    let counters = lines.iter().filter_map(|line| {
        line.strip_prefix("# TYPE ").and_then(|line| line.strip_suffix(" counter"))
    });
    let counters: Vec<&str> = counters.collect();
    let mut out = String::with_capacity(text.len() + 1024);
    for line in lines {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(&name) => {
                out.push_str(&format!("# {what} {name}_total {rest}\n"));
            }
            _ => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

/// What families are written on.
pub(super) struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    /// One number that goes up and down.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&value)
    }

    /// Such numbers by label.
    pub(super) fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        members: impl IntoIterator<Item = (L, f64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in members {
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// One number that only grows; `_total` is added to its name.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    /// Such numbers by label.
    pub(super) fn counters<'c, L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        members: impl IntoIterator<Item = (L, &'c Counter)>,
    ) -> fmt::Result {
        let members = members.into_iter().map(|(labels, counter)| (labels, counter.total()));
        self.totals(name, help, members)
    }

    /// The same, of numbers that somebody else counted.
    pub(super) fn totals<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        members: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, total) in members {
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&total, None)?;
        }
        Ok(())
    }

    /// A histogram.
    pub(super) fn histogram(&mut self, name: &str, help: &str, of: &Histogram) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        buckets(metric, of)
    }

    /// Histograms by label.
    pub(super) fn histograms<'c, L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        members: impl IntoIterator<Item = (L, &'c Histogram)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, histogram) in members {
            buckets(metric.encode_family(&labels)?, histogram)?;
        }
        Ok(())
    }
}

fn buckets(mut metric: MetricEncoder<'_>, histogram: &Histogram) -> fmt::Result {
    let buckets = histogram.buckets();
    let count = buckets.iter().map(|(_, count)| count).sum();
    metric.encode_histogram::<NoLabelSet>(histogram.sum(), count, &buckets, None)
}
