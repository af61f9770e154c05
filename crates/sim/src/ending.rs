//! What goes when somebody asks for it, and does not come back: a version, an upload, a key.

/// How far its end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    No,
    /// Asked for, and not answered or not yet.
    Perhaps,
    Yes,
}

/// What is known of one end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ending {
    answered: bool,
    /// Ends that were asked for, and not answered or not yet.
    asked: u32,
}

impl Ending {
    pub fn ended(&self) -> Ended {
        match (self.answered, self.asked) {
            (true, _) => Ended::Yes,
            (false, 0) => Ended::No,
            (false, _) => Ended::Perhaps,
        }
    }

    pub fn ask(&mut self) {
        self.asked += 1;
    }

    /// It came, or it was refused.
    pub fn answer(&mut self, ended: bool) {
        self.asked -= 1;
        self.answered |= ended;
    }
}
