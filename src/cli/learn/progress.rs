//! A bar of epochs.

use crate::learning::runs::Event;
use indicatif::{ProgressBar, ProgressStyle};

pub struct Progress(ProgressBar);

impl Progress {
    /// A bar on standard error, where that is a terminal.
    pub fn new() -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} epochs, {eta} left") {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub fn tell(&self, event: Event) {
        match event {
            Event::Ahead(epochs) => self.0.inc_length(epochs),
            Event::Epoch => self.0.inc(1),
        }
    }

    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}
