// What tasks leave of their classes' features, to train heads once more on features drawn from it: HiDe-Prompt (Wang et al., NeurIPS 2023)
// and VQ-Prompt (Jiao et al., NeurIPS 2024), whose epochs use only some of what is drawn. A class that comes again, in another domain,
// leaves distributions of its own there. alignment.hpp trains on what comes out.
#pragma once

#include <clb/nn/alignment.hpp>
#include <clb/nn/class_gaussians.hpp>
#include <vector>

namespace clb::nn {

// How many are drawn of what.
struct DrawOptions {
  int64_t each = 16;         // features per distribution that would make a whole epoch
  int64_t rows = 16;         // those of the whole that are wanted; all of them where there are fewer
  double ridge = 1e-4;       // added to the variances
  bool spread_only = false;  // leave out clusters of a single sample, which have no variance, unless all are such
};

class FeatureMemory {
 public:
  // The distributions of every class among the labels [n] of a task, from its features [n, d]. A class draws its clusters from
  // rng("<label>/clusters").
  void add(int64_t task, const torch::Tensor& features, const torch::Tensor& labels, const GaussianOptions& options, const Rng& rng);

  // Random rows of the whole: `each` features of every distribution, in random order. Only the rows that are wanted are computed. Which
  // ones these are comes from rng("order"), their noise from rng("noise").
  DrawnRows draw(const DrawOptions& options, const Rng& rng) const;

  // A feature of each of these distributions, `which` [n] int64, from standard normal noise [n, d].
  DrawnRows rows_of(const torch::Tensor& which, const torch::Tensor& noise, double ridge) const;

  int64_t classes_before(int64_t task) const;  // how many earlier tasks left; a class that came in two of them counts twice
  torch::Tensor means() const;                 // [distributions, d] float32; undefined without any

  // For whoever saves them: distributions, and the task that each comes from.
  std::vector<ClassGaussian>& gaussians() { return gaussians_; }
  std::vector<int64_t>& tasks() { return tasks_; }

 private:
  std::vector<ClassGaussian> gaussians_;
  std::vector<int64_t> tasks_;
};

}  // namespace clb::nn
