//! Moving memory: what a server that defragments its heap asks for.

/// Moves the allocations of vectors to addresses that are better for the server.
pub trait Mover {
    /// Moves a vector's allocation if the server gains by it. Length, capacity and elements stay as they are.
    fn vec<T>(&mut self, vec: &mut Vec<T>);
}
