#include <clb/base/error.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/base/sha256.hpp>
#include <clb/store/table_key.hpp>

namespace clb::store {

using base::Json;

std::string table_key(const Json& spec, const std::string& section_key) {
  try {
    Json content = base::RunSpec::from_stored(spec, "stored run").comparability_json();
    content.erase("weights");
    for (const char* of_weights : {"name", "mean", "std"}) content["eval_transform"].erase(of_weights);
    return base::hex(base::sha256(base::canonical({"table", content})));
  } catch (const base::Error&) {
    return section_key;
  }
}

}  // namespace clb::store
