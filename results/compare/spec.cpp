#include <clb/compare/spec.hpp>

#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/base/run_spec.hpp>
#include <filesystem>
#include <set>
#include <vector>

namespace clb::compare {
namespace {

using base::Json;

std::string short_text(const Json& value) {
  if (value.is_null()) return "not set";
  std::string text = value.is_string() ? value.get<std::string>() : base::canonical(value);
  return text.size() <= 40 ? text : text.substr(0, 37) + "...";
}

void collect(const Json& a, const Json& b, const std::string& path, std::vector<std::string>& found) {
  if (a == b) return;
  if (!a.is_object() || !b.is_object()) {
    found.push_back(fmt::format("{} ({} against {})", path, short_text(a), short_text(b)));
    return;
  }
  std::set<std::string> names;
  for (const Json* side : {&a, &b}) {
    for (const auto& [name, value] : side->items()) names.insert(name);
  }
  for (const std::string& name : names) {
    collect(a.value(name, Json()), b.value(name, Json()), path.empty() ? name : path + "." + name, found);
  }
}

std::string sentence(const std::vector<std::string>& found) {
  constexpr size_t kShown = 3;
  std::string text;
  for (size_t i = 0; i < found.size() && i < kShown; ++i) text += (i ? ", " : "") + found[i];
  return found.size() > kShown ? fmt::format("{} and {} more", text, found.size() - kShown) : text;
}

// The fields of the comparability key; names in place of hashes where there are some.
Json comparable(const Json& spec) {
  Json fields = base::RunSpec::from_stored(spec, "stored run").comparability_json();
  Json weights = Json::object();
  for (const Json& w : spec.value("weights", Json::array())) {
    const std::string file = text_at(w, "/file");
    weights[text_at(w, "/role")] =
        fmt::format("{} {}", file.empty() ? "random" : std::filesystem::path(file).filename().string(), text_at(w, "/sha256").substr(0, 8));
  }
  if (fields.at("weights") != Json::array() && !weights.empty()) {
    fields["weights_details"] = fields["weights"];
    fields["weights"] = weights;
  }
  return fields;
}

}  // namespace

uint64_t capabilities(const Json& spec) { return static_cast<uint64_t>(integer_at(spec, "/method/capabilities")); }

std::string method_name(const Json& spec) {
  const std::string preset = text_at(spec, "/method/preset");
  return text_at(spec, "/method/id") + (preset.empty() ? "" : "/" + preset);
}

std::string setting_name(const Json& spec) { return text_at(spec, "/dataset/id") + " " + text_at(spec, "/protocol/split"); }

std::string comparability_difference(const Json& a, const Json& b) {
  std::vector<std::string> found;
  try {
    Json left = comparable(a), right = comparable(b);
    if (left.at("fingerprint") != right.at("fingerprint") && text_at(a, "/dataset/id") != text_at(b, "/dataset/id")) {
      found.push_back(fmt::format("dataset ({} against {})", text_at(a, "/dataset/id"), text_at(b, "/dataset/id")));
      left.erase("fingerprint");
      right.erase("fingerprint");
    }
    if (left.value("weights", Json()) != right.value("weights", Json())) {
      left.erase("weights_details");
      right.erase("weights_details");
    }
    collect(left, right, "", found);
  } catch (const base::Error&) {  // of an older clbench, which knew other fields
    collect(a.value("protocol", Json()), b.value("protocol", Json()), "protocol", found);
    collect(a.value("dataset", Json()), b.value("dataset", Json()), "dataset", found);
  }
  return sentence(found);
}

std::string config_difference(const Json& a, const Json& b) {
  std::vector<std::string> found;
  collect(a.value("/method/params"_json_pointer, Json::object()), b.value("/method/params"_json_pointer, Json::object()), "", found);
  collect(a.value("/method/train_transform"_json_pointer, Json::object()), b.value("/method/train_transform"_json_pointer, Json::object()),
          "train_transform", found);
  return sentence(found);
}

}  // namespace clb::compare
