/* clb/abi.h: version, export, status codes and the rules that hold in every other header of this folder.
 *
 * A plugin is a shared library with exactly two exported symbols: one entry function, whose name carries the major version
 * (clb_method_v0 or clb_dataset_v0), and the struct clb_plugin_meta (meta.h). Everything else crosses in tables of function pointers.
 *
 * Rules
 *  1. Every struct begins with `uint32_t struct_size`, written by the side that ALLOCATES the struct. The side that fills it writes only
 *     members that lie inside struct_size; the side that reads it reads only members that lie inside struct_size (CLB_HAS below).
 *     Members are only ever appended. Arrays of structs carry the stride of their elements in bytes. A tensor or a function that is not
 *     for everybody is never appended: a tensor is a named part (batch.h), a function is in an extension (folder ext/).
 *  2. Only fixed-width integers, double, `const char *` (UTF-8, ends in NUL) and pointers cross. A `const char *` or array argument is
 *     borrowed for the duration of the call unless the member says otherwise.
 *  3. Whoever allocates releases. Tensors cross as DLManagedTensorVersioned (DLPack 1.x) and are OWNED BY THE RECEIVER, who calls
 *     `tensor->deleter(tensor)` once when done; it may keep a tensor beyond the call. The definition comes with LibTorch
 *     (ATen/dlpack.h) or from the DLPack project; this header only declares the name.
 *  4. No exception crosses. A function returns a clb_status after it told the host why through clb_host.set_error. After a failure
 *     only `destroy` (`close` for a dataset) is legal on that object.
 *  5. Threads: [session] = called only on the thread that called `create`; [any] = may be called on several threads at once.
 *  6. A plugin prints nothing, changes no global (default dtype, thread count, seeds, TF32, locale, signal handlers, the floating-point
 *     environment of a thread), starts no thread that outlives a call and registers no operator. A changed one fails the run.
 *  7. CUDA: the host sets device and current stream of the calling thread before each call. Inputs are ready on that stream, results
 *     must be ordered on it on return; a plugin never synchronises the device.
 *
 * Compatibility: while CLB_ABI_MAJOR is 0 the minor must match exactly; from 1 on an older minor of the same major loads.
 */
#ifndef CLB_ABI_H
#define CLB_ABI_H

#include <stddef.h>
#include <stdint.h>

#define CLB_ABI_MAJOR 0
#define CLB_ABI_MINOR 6

#define CLB_EXPORT __attribute__((visibility("default")))

/* True when `member` of the struct behind `ptr` lies inside the size that its allocator wrote. */
#define CLB_HAS(ptr, type, member) ((ptr)->struct_size >= offsetof(type, member) + sizeof((ptr)->member))

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t clb_status;

#define CLB_OK 0               /* done */
#define CLB_END 1              /* a stream has no further batch; not an error */
#define CLB_E_INVALID (-1)     /* an argument or parameter the callee cannot accept */
#define CLB_E_UNSUPPORTED (-2) /* a legal request that this object does not offer */
#define CLB_E_NO_MEMORY (-3)   /* an allocation failed, on the host or the device */
#define CLB_E_CANCELLED (-4)   /* the host asked to stop (clb_host.progress returned non-zero) */
#define CLB_E_NUMERIC (-5)     /* NaN, infinity, or a solver that did not converge */
#define CLB_E_IO (-6)          /* a file is missing, unreadable or damaged */
#define CLB_E_STATE (-7)       /* a saved state does not belong here, or a call came out of order */
#define CLB_E_INTERNAL (-8)    /* a bug in the callee */

struct DLManagedTensorVersioned;

#ifdef __cplusplus
}
#endif
#endif
