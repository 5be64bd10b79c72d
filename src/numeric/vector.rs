//! Loops in the vector units of the machine.

use pulp::{Arch, NullaryFnOnce};

/// Runs a loop as it was compiled for the vector units of this machine: wide registers, and fused multiplications in one
/// instruction. These are exact everywhere, so that all machines compute the same.
///
/// Only what is inlined sees the vector units: mark the closure and what it calls `#[inline(always)]`. What the loop reads
/// and writes comes in `with`, by value. Captured by the closure, slices would be behind references that the writes of the
/// loop could change, as far as the compiler knows, and nothing would be computed side by side. For the same reason loops
/// read a group of numbers into an array of their own before they write one.
#[inline(always)]
pub fn in_vector_units<A, R>(with: A, f: impl Fn(A) -> R) -> R {
    struct Loop<A, F>(A, F);

    impl<A, R, F: Fn(A) -> R> NullaryFnOnce for Loop<A, F> {
        type Output = R;

        #[inline(always)]
        fn call(self) -> R {
            // by reference: the adapter that makes an `FnOnce` of a closure is a function of its own, and not inlined
            (self.1)(self.0)
        }
    }

    Arch::new().dispatch(Loop(with, f))
}

/// Leaves the wide registers, after a library that does not.
///
/// The kernels of faer's products of matrices (private-gemm-x86 0.1.22) end without `vzeroupper`. Until the thread ends some other
/// loop in wide registers, plain arithmetic on it waits for their upper halves: exponentials take several times as long.
#[inline]
pub fn leave_vector_units() {
    let number = std::hint::black_box([1.0f64; 16]);
    std::hint::black_box(in_vector_units(
        number,
        #[inline(always)]
        |numbers| numbers.map(|n| n + n),
    ));
}
