#include "clb/nn/linear_site.hpp"

#include <clb/nn/error.hpp>

namespace clb::nn {

LinearSite linear_site(const std::string& name, int64_t dim, int64_t mlp) {
  if (name == "q") return {Site::kQkv, 0, dim, dim};
  if (name == "k") return {Site::kQkv, dim, dim, dim};
  if (name == "v") return {Site::kQkv, 2 * dim, dim, dim};
  if (name == "qkv") return {Site::kQkv, 0, 3 * dim, dim};
  if (name == "proj") return {Site::kProj, 0, dim, dim};
  if (name == "fc1") return {Site::kFc1, 0, mlp, dim};
  if (name == "fc2") return {Site::kFc2, 0, dim, mlp};
  throw Error(ErrorKind::kInvalid, "a block has no linear operation '" + name + "'; expected q, k, v, qkv, proj, fc1 or fc2");
}

}  // namespace clb::nn
