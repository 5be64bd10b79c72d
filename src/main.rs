//! The `synbal` command-line tool.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(synbal::cli::run() as u8)
}
