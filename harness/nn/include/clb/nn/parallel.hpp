// Parts of a computation side by side, each on one thread.
#pragma once

#include <cstddef>
#include <functional>

namespace clb::nn {

// compute(0) ... compute(count - 1), on as many threads as are given (0: as LibTorch may use here); on this one alone inside another such
// call without a number. Gradient and inference mode are the caller's. Throws what the first part that failed threw, after all have ended.
// LibTorch's own at::parallel_for would share its threads with the operations inside a part, and needs OpenMP in our code.
void side_by_side(size_t count, const std::function<void(size_t part)>& compute, int threads = 0);

}  // namespace clb::nn
