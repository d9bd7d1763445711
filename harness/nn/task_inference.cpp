#include "clb/nn/task_inference.hpp"

#include <torch/utils.h>

#include <algorithm>
#include <clb/nn/error.hpp>
#include <string>

namespace clb::nn {

TaskInference::TaskInference(int64_t dim, const Rng& rng) : norm_(dim) {
  const auto within = [&rng](const std::string& part) -> Rng {
    return [rng, part](const std::string& tensor) { return rng(part + "/" + tensor); };
  };
  mlp_ = Mlp(Linear::drawn(2 * dim, dim, within("fc1")), Linear::drawn(dim, 2 * dim, within("fc2")));
  head_ = {{.dim = dim, .init = HeadInit::normal(0.02)}, within("head")};
  unfreeze(*this);
}

void ClassTasks::claim(int64_t task, const std::vector<int64_t>& labels) {
  for (const int64_t label : labels) {
    const auto c = static_cast<size_t>(label);
    if (label < classes() && tasks_[c] >= 0) {
      throw Error(ErrorKind::kInvalid,
                  "a class comes in a second task, but this method tells tasks by their classes; use it on a stream of new classes "
                  "(protocol.kind = \"class\")");
    }
    tasks_.resize(std::max(tasks_.size(), c + 1), -1);
    tasks_[c] = task;
  }
}

torch::Tensor ClassTasks::of(const torch::Tensor& classes) const {
  return torch::tensor(tasks_, torch::dtype(torch::kInt64).device(classes.device())).index_select(0, classes);
}

}  // namespace clb::nn
