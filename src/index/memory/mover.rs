//! Moving what a chunk lies in: a server that defragments its memory asks for it.

/// Moves vectors to places in memory that are better for the server.
pub trait Mover {
    /// Moves a vector's block, if that is of any use. What is in it stays the same.
    fn vec<T>(&mut self, vec: &mut Vec<T>);
}
