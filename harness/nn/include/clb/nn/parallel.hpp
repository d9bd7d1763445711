// Parts of a computation side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace clb::nn {

// compute(0) ... compute(count - 1), on as many threads as are given (0: as LibTorch may use here); on this one alone inside another such
// call without a number. Gradient and inference mode are the caller's. Throws what the first part that failed threw, after all have ended.
void side_by_side(size_t count, const std::function<void(size_t part)>& compute, int threads = 0);

// compute(first, end) for ranges that make up 0 ... count - 1, at least `grain` in each, on LibTorch's own threads: for loops as short as
// one of its operations, which then take one thread each. at::parallel_for is this only in code that is compiled with OpenMP, elsewhere a
// call.
void in_ranges(int64_t count, int64_t grain, const std::function<void(int64_t first, int64_t end)>& compute);

}  // namespace clb::nn
