//! Images as rows of numbers, and windows that move over them.

/// How the numbers of an image lie in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Numbers per pixel.
    pub channels: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
    /// Whether one channel comes after the other, as in data files; between layers all channels of a pixel lie together.
    pub planar: bool,
}

impl Image {
    /// Numbers of the image.
    #[must_use]
    pub fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether the image has no number.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The place of a number.
    #[must_use]
    pub fn place(self, channel: usize, y: usize, x: usize) -> usize {
        match self.planar {
            true => (channel * self.height + y) * self.width + x,
            false => (y * self.width + x) * self.channels + channel,
        }
    }
}

/// A square window that moves over an image without leaving it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The image.
    pub image: Image,
    /// Pixels on each side of the window.
    pub side: usize,
    /// Pixels from one position to the next.
    pub stride: usize,
}

impl Window {
    /// Positions from top to bottom and from left to right.
    #[must_use]
    pub fn positions(self) -> (usize, usize) {
        let count = |pixels: usize| (pixels - self.side) / self.stride + 1;
        (count(self.image.height), count(self.image.width))
    }

    /// Numbers under the window, in the order channel, row, column.
    #[must_use]
    pub fn len(self) -> usize {
        self.image.channels * self.side * self.side
    }

    /// Whether nothing is under the window.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// For every position, row by row, the places of all numbers under the window: `positions x len`.
    #[must_use]
    pub fn table(self) -> Vec<u32> {
        let (rows, columns) = self.positions();
        let mut table = Vec::with_capacity(rows * columns * self.len());
        for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
            for channel in 0..self.image.channels {
                for (dy, dx) in (0..self.side).flat_map(|dy| (0..self.side).map(move |dx| (dy, dx))) {
                    let place = self.image.place(channel, y * self.stride + dy, x * self.stride + dx);
                    table.push(u32::try_from(place).expect("images have fewer than 2^32 numbers"));
                }
            }
        }
        table
    }
}
