#include <clb/ext/expected.h>
#include <clb/ext/validation.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/conformance/run_check.hpp>
#include <clb/python/header.hpp>
#include <clb/sdk/error.hpp>
#include <cstring>
#include <map>

#include "checks.hpp"

namespace clb::conformance {
namespace {

using base::Json;

bool is_dataset(const std::string& file) { return python::read_meta(file).kind == "dataset"; }

Json scalar(const clb_value& v) {
  if (v.type == CLB_TYPE_BOOL) return v.as.i != 0;
  if (v.type == CLB_TYPE_INT) return v.as.i;
  if (v.type == CLB_TYPE_FLOAT) return v.as.f;
  if (v.type == CLB_TYPE_STRING || v.type == CLB_TYPE_CHOICE) return v.as.s;
  if (v.type == CLB_TYPE_INT_LIST) return std::vector<int64_t>(v.as.ints, v.as.ints + v.count);
  return std::vector<double>(v.as.floats, v.as.floats + v.count);
}

// The values of parameters that the plugin declares for validation.
Json declared_values(const std::string& file, const base::MethodInfo& info) {
  Json values = Json::object();
  const auto* list = static_cast<const clb_validation_values*>(session::load_method_table(file).get_extension(nullptr, CLB_EXT_VALIDATION));
  for (uint32_t k = 0; list != nullptr && k < list->count; ++k) {
    const auto& one = *reinterpret_cast<const clb_setting*>(reinterpret_cast<const char*>(list->values) + size_t{k} * list->stride);
    if (std::ranges::find(info.params, one.name, &base::ParamInfo::name) == info.params.end())
      throw base::Error(file + ": declares a value for validation of \"" + one.name + "\", which is none of its parameters");
    values[one.name] = scalar(one.value);
  }
  return values;
}

Subject subject_of(const CheckRequest& request) {
  Subject subject{.file = request.file, .root = request.root, .info = {}, .params = Json::object(), .seed = request.seed};
  if (is_dataset(request.file)) return subject;
  subject.info = session::method_info(request.file);
  subject.capabilities = subject.info.capabilities;
  Json given = request.params;
  const Json declared = declared_values(request.file, subject.info);
  for (const base::ParamInfo& p : subject.info.params) {
    const Json value = given.contains(p.name) ? given.at(p.name) : declared.value(p.name, p.default_value);
    if (!given.contains(p.name) && declared.contains(p.name)) subject.declared[p.name] = value;
    given.erase(p.name);
    subject.params[p.name] = value;
  }
  subject.capabilities |= base::implied_capabilities(subject.info.params, subject.params);
  if (!given.empty()) throw base::Error(request.file + ": has no parameter \"" + given.begin().key() + "\"; clbench info lists them");
  return subject;
}

std::map<std::string, std::string> expected_failures(const std::string& file) {
  std::map<std::string, std::string> expected;
  if (is_dataset(file)) return expected;
  const auto* list = static_cast<const clb_expected_failures*>(session::load_method_table(file).get_extension(nullptr, CLB_EXT_EXPECTED));
  for (uint32_t k = 0; list != nullptr && k < list->count; ++k) {
    clb_expected_failure one{};
    const auto* at = reinterpret_cast<const char*>(list->failures) + size_t{k} * list->stride;
    std::memcpy(&one, at, std::min<size_t>(reinterpret_cast<const clb_expected_failure*>(at)->struct_size, sizeof one));
    if (one.check != nullptr) expected[one.check] = one.reason != nullptr ? one.reason : "";
  }
  return expected;
}

const std::vector<Check>& checks_for(const std::string& file) { return is_dataset(file) ? dataset_checks() : method_checks(); }

const Check& find(const CheckRequest& request) {
  const std::string& name = request.name;
  const auto& checks = checks_for(request.file);
  const auto found = std::find_if(checks.begin(), checks.end(), [&](const Check& check) { return name == check.name; });
  if (found == checks.end()) throw base::Error("there is no check \"" + name + "\"; clbench validate --list names them");
  return *found;
}

}  // namespace

Json list_checks(const CheckRequest& request) {
  const Subject subject = subject_of(request);
  auto expected = expected_failures(request.file);
  Json list = Json::array();
  for (const Check& check : checks_for(request.file)) {
    const char* skip = check.skip ? check.skip(subject) : nullptr;
    const auto reason = expected.extract(check.name);
    list.push_back({{"name", check.name},
                    {"about", check.about},
                    {"leak", check.leak},
                    {"skip", skip ? skip : ""},
                    {"expected", reason ? reason.mapped() : ""}});
  }
  if (!expected.empty())
    throw base::Error(request.file + ": expects the failure of \"" + expected.begin()->first +
                      "\", which is no check; clbench validate --list names them");
  return {
      {"checks", std::move(list)}, {"params", base::without_neutral(subject.params, subject.info.params)}, {"declared", subject.declared}};
}

Json run_check(const CheckRequest& request) {
  const Check& check = find(request);
  const auto result = [&](const char* status, const std::string& remark) {
    return Json{{"check", request.name}, {"status", status}, {"remark", remark}};
  };
  try {
    return result("pass", check.run(subject_of(request)));
  } catch (const Failure& failure) {
    return result("fail", failure.text);
  } catch (const PluginError& e) {
    return result("fail", std::string(status_name(e.status())) + ": " + e.what());
  } catch (const c10::Error& e) {
    return result("fail", std::string("an exception of LibTorch left the plugin: ") + e.what_without_backtrace());
  } catch (const std::exception& e) {
    return result("fail", std::string("an exception left the plugin: ") + e.what());
  } catch (...) {
    return result("fail", "an exception of an unknown type left the plugin");
  }
}

void run_elsewhere(const CheckRequest& request, const std::string& folder) { run_errand(subject_of(request), folder); }

}  // namespace clb::conformance
