//! On macOS a module finds Python's functions only when it is loaded, and the
//! linker has to be told so.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
