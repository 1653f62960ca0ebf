//! A keeper as a program of its own: what the hidden command of the binary
//! does. The tests of this crate start it.

fn main() -> std::io::Result<()> {
    gaia_assigner::keeper::run()
}
