//! Moving memory, for a server that defragments its heap.

/// Moves the allocations of vectors to addresses that suit the server better.
pub trait Mover {
    /// Moves a vector's allocation if the server gains by it. Length, capacity and elements stay as they are.
    fn vec<T>(&mut self, vec: &mut Vec<T>);
}
