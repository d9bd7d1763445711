// Parameters of a method, each stated once: the default is the member's initialiser; name, range and sentence are given here. Schema,
// --help, TOML checks and the filling of the members follow from it.
#pragma once

#include <clb/param.h>

#include <clb/sdk/error.hpp>
#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

namespace clb {

struct Range {
  double min, max;  // inclusive
};

// The schema of one method class T; built once, lives as long as the process because the ABI table points into it.
template <class T>
class Params {
 public:
  class Added {  // what may follow a declaration
   public:
    // The run claims `capabilities` in addition when this parameter has the value `when`.
    void implies(uint64_t capabilities, bool when = true) { set(capabilities, {CLB_TYPE_BOOL, 0, {.i = when}}); }
    void implies(uint64_t capabilities, const char* when) { set(capabilities, {CLB_TYPE_CHOICE, 0, {.s = when}}); }

   private:
    friend class Params;
    Added(Params& params, size_t index) : params_(params), index_(index) {}
    void set(uint64_t capabilities, clb_value when) {
      params_.schema_[index_].implies = capabilities;
      params_.schema_[index_].implied_when = when;
    }
    Params& params_;
    size_t index_;
  };

  Added flag(const char* name, bool T::*member, const char* help) {
    return add(name, help, {CLB_TYPE_BOOL, 0, {.i = defaults_.*member}}, {0, 0},
               [=](T& t, const clb_value& v) { t.*member = v.as.i != 0; });
  }
  Added integer(const char* name, int64_t T::*member, Range range, const char* help) {
    return add(name, help, {CLB_TYPE_INT, 0, {.i = defaults_.*member}}, range, [=](T& t, const clb_value& v) { t.*member = v.as.i; });
  }
  Added real(const char* name, double T::*member, Range range, const char* help) {
    return add(name, help, {CLB_TYPE_FLOAT, 0, {.f = defaults_.*member}}, range, [=](T& t, const clb_value& v) { t.*member = v.as.f; });
  }
  Added string(const char* name, std::string T::*member, const char* help) {
    return add(name, help, text(CLB_TYPE_STRING, defaults_.*member), {0, 0}, [=](T& t, const clb_value& v) { t.*member = v.as.s; });
  }
  Added choice(const char* name, std::string T::*member, std::initializer_list<const char*> choices, const char* help) {
    choices_.emplace_back(choices);
    Added added = add(name, help, text(CLB_TYPE_CHOICE, defaults_.*member), {0, 0}, [=](T& t, const clb_value& v) { t.*member = v.as.s; });
    schema_.back().choices = choices_.back().data();
    schema_.back().choice_count = static_cast<uint32_t>(choices_.back().size());
    return added;
  }
  Added integers(const char* name, std::vector<int64_t> T::*member, Range range, const char* help) {
    const auto& list = defaults_.*member;
    return add(name, help, {CLB_TYPE_INT_LIST, static_cast<uint32_t>(list.size()), {.ints = list.data()}}, range,
               [=](T& t, const clb_value& v) { (t.*member).assign(v.as.ints, v.as.ints + v.count); });
  }
  Added reals(const char* name, std::vector<double> T::*member, Range range, const char* help) {
    const auto& list = defaults_.*member;
    return add(name, help, {CLB_TYPE_FLOAT_LIST, static_cast<uint32_t>(list.size()), {.floats = list.data()}}, range,
               [=](T& t, const clb_value& v) { (t.*member).assign(v.as.floats, v.as.floats + v.count); });
  }

  const std::vector<clb_param>& schema() const { return schema_; }

  // Fills the members of `t` from settings that the host has checked; order and types must be those of the schema.
  void apply(T& t, const clb_setting* settings, uint32_t count, uint32_t stride) const {
    if (count != schema_.size())
      throw PluginError(CLB_E_INVALID, "got " + std::to_string(count) + " settings, wanted " + std::to_string(schema_.size()));
    for (uint32_t k = 0; k < count; ++k) {
      const auto& setting = *reinterpret_cast<const clb_setting*>(reinterpret_cast<const char*>(settings) + size_t{k} * stride);
      if (schema_[k].name != std::string_view(setting.name) || schema_[k].default_value.type != setting.value.type)
        throw PluginError(CLB_E_INVALID, std::string("setting ") + setting.name + " stands where " + schema_[k].name + " belongs");
      setters_[k](t, setting.value);
    }
  }

 private:
  Added add(const char* name, const char* help, clb_value value, Range range, std::function<void(T&, const clb_value&)> setter) {
    clb_param param{};
    param.struct_size = sizeof param;
    param.name = name;
    param.help = help;
    param.default_value = value;
    param.min = range.min;
    param.max = range.max;
    schema_.push_back(param);
    setters_.push_back(std::move(setter));
    return {*this, schema_.size() - 1};
  }
  static clb_value text(uint32_t type, const std::string& s) { return {type, 0, {.s = s.c_str()}}; }

  const T defaults_{};  // its members' initialisers are the defaults; the schema points into it
  std::vector<clb_param> schema_;
  std::vector<std::function<void(T&, const clb_value&)>> setters_;
  std::deque<std::vector<const char*>> choices_;
};

}  // namespace clb
