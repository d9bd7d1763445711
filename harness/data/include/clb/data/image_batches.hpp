// Batches of images made ahead on loader threads, in one or several views at once.
#pragma once

#include <clb/base/prefetcher.hpp>
#include <clb/base/spans.hpp>
#include <clb/data/images.hpp>
#include <functional>
#include <utility>
#include <vector>

namespace clb::data {

class ImageBatches {
 public:
  using Requests = std::function<std::vector<ImageRequest>(int64_t step)>;  // what batch `step` is made of; called on loader threads

  // The views and `spans` live longer than this, and so does what `requests` refers to.
  ImageBatches(std::vector<const Images*> views, Requests requests, int64_t batches, int64_t threads, base::Spans& spans)
      : spans_(spans),
        prefetcher_(
            [views = std::move(views), requests = std::move(requests)](int64_t step) {
              const auto wanted = requests(step);
              std::vector<torch::Tensor> made;
              for (const Images* view : views) made.push_back(view->batch(wanted));
              return made;
            },
            batches, threads) {}

  std::vector<torch::Tensor> next() {  // [n, 3, H, W] of each view
    const double before = prefetcher_.waited();
    auto made = prefetcher_.next();
    spans_.count_waiting(prefetcher_.waited() - before);
    return made;
  }

 private:
  base::Spans& spans_;
  base::Prefetcher<std::vector<torch::Tensor>> prefetcher_;
};

}  // namespace clb::data
