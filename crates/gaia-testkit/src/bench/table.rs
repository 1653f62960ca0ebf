//! The report for people.

use super::race::Missing;
use super::report::{Figure, Goal, Ratio, Report, Sample, Spread};

/// The whole report as text.
pub(super) fn of(report: &Report) -> String {
    let mut text = String::new();
    for figure in &report.figures {
        text.push_str(&figure_lines(figure));
    }
    text.push_str(&machine_line(report));
    text
}

fn machine_line(report: &Report) -> String {
    let machine = &report.machine;
    let load = |load: Option<f64>| load.map_or("?".to_owned(), |load| format!("{load:.2}"));
    let (reached, judged) = report.goals();
    let quick = if report.quick {
        "; taken quickly, not to judge by"
    } else {
        ""
    };
    format!(
        "{} {}, {} cores, load {} before and {} after; {:.0} s; {reached} of {judged} goals reached{quick}\n",
        machine.os,
        machine.arch,
        machine.cores,
        load(machine.load_before),
        load(machine.load_after),
        report.seconds,
    )
}

fn figure_lines(figure: &Figure) -> String {
    let mut lines = vec![format!("{}  {}", figure.id, figure.title)];
    lines.extend(figure.samples.iter().map(sample_line));
    lines.extend(figure.ratios.iter().map(ratio_line));
    let missing = |missing: &Missing| format!("  - missing: {}: {}", missing.subject, missing.why);
    lines.extend(figure.missing.iter().map(missing));
    lines.join("\n") + "\n\n"
}

fn sample_line(sample: &Sample) -> String {
    let Spread { min, median, max } = sample.spread;
    let show = |value| shown(value, sample.unit);
    format!(
        "    {:<58} {:>9}   ({} … {})",
        sample.subject,
        show(median),
        show(min),
        show(max)
    )
}

fn ratio_line(ratio: &Ratio) -> String {
    let Spread {
        min,
        median: _,
        max,
    } = ratio.spread;
    let mut line = format!(
        "  * {:<58} {:>8.2}x   ({min:.2} … {max:.2}; of the fastest {:.2})",
        ratio.what, ratio.of_medians, ratio.of_fastest
    );
    if let (Some(goal), Some(reached)) = (ratio.goal, ratio.reached) {
        let word = if reached { "reached" } else { "MISSED" };
        line.push_str(&format!("   goal {}: {word}", goal_words(goal)));
    }
    line
}

fn goal_words(goal: Goal) -> String {
    match goal {
        Goal::AtMost(most) => format!("≤ {most}x"),
        Goal::AtLeast(least) => format!("≥ {least}x"),
    }
}

fn shown(value: f64, unit: &str) -> String {
    match value {
        _ if unit != "ns" => format!("{value:.2}"),
        _ if value < 1e6 => format!("{:.1} µs", value / 1e3),
        _ if value < 1e9 => format!("{:.2} ms", value / 1e6),
        _ => format!("{:.2} s", value / 1e9),
    }
}
