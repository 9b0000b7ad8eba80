//! Ctrl-C during a long run: says where it was stopped and how to go on, and exits with 130.
//!
//! (A signal goes to the first thread of a process, and the run is in another: it is not disturbed in a read.)
//!
//! The run keeps a note of what to say. It holds the note while it writes to the server, so what is said is
//! always exact: the handler waits for the end of a batch. A second Ctrl-C does not wait.

use crate::Result;
use crate::progress::Progress;
use std::process::exit;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The status of a program that SIGINT has ended: 128 and the number of the signal.
const INTERRUPTED: i32 = 130;

/// What to say when the run is stopped now.
#[derive(Clone, Default)]
pub struct StopNote(Arc<Mutex<String>>);

impl StopNote {
    /// Handles Ctrl-C from now on, with this note until the run writes another.
    pub fn start(text: String, progress: &Progress) -> Result<StopNote> {
        StopNote::start_with_cleanup(text, progress, || None)
    }

    /// The same, and something to do between what is said and the exit, in a thread of its own. What it returns is
    /// said too.
    pub fn start_with_cleanup(
        text: String,
        progress: &Progress,
        clean_up: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) -> Result<StopNote> {
        let note = StopNote(Arc::new(Mutex::new(text)));
        let (to_show, printer, clean_up) = (note.clone(), progress.printer(), Arc::new(clean_up));
        let mut is_second = false;
        ctrlc::set_handler(move || {
            if std::mem::replace(&mut is_second, true) {
                exit(INTERRUPTED);
            }
            let (note, printer, clean_up) = (to_show.clone(), printer.clone(), clean_up.clone());
            thread::spawn(move || {
                // Held until the exit: the run writes nothing more.
                let held = note.hold();
                printer.print_last_line(&held);
                if let Some(line) = clean_up() {
                    printer.print_last_line(&line);
                }
                exit(INTERRUPTED);
            });
        })?;
        Ok(note)
    }

    /// The note, to be held while the run writes to the server, and then to be changed.
    pub fn hold(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
