// Parameters of a method, each stated once: the default is the member's initialiser; name, range and sentence are given here. Schema,
// --help, TOML checks and the filling of the members follow from it. Members of a member (the options of a part) are declared through
// Params::in.
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

namespace detail {

// What all declarations of one method class T fill; lives as long as the process because the ABI table points into it.
template <class T>
struct ParamTable {
  T defaults{};  // its members' initialisers are the defaults; the schema points into it
  std::vector<clb_param> schema;
  std::vector<std::function<void(T&, const clb_value&)>> setters;
  std::deque<std::vector<const char*>> choices;
};

}  // namespace detail

// Declares parameters that are members of S, which is T itself or a member of it.
template <class T, class S>
class ParamScope {
 public:
  class Added {  // what may follow a declaration
   public:
    // The run claims `capabilities` in addition when this parameter has the value `when`.
    void implies(uint64_t capabilities, bool when = true) { set(capabilities, {CLB_TYPE_BOOL, 0, {.i = when}}); }
    void implies(uint64_t capabilities, const char* when) { set(capabilities, {CLB_TYPE_CHOICE, 0, {.s = when}}); }

    // An integer that counts blocks of the network of role main: more than there are are refused before anything starts.
    void counts_blocks() { table_.schema[index_].counts = CLB_COUNTS_BLOCKS; }

   private:
    friend class ParamScope;
    Added(detail::ParamTable<T>& table, size_t index) : table_(table), index_(index) {}
    void set(uint64_t capabilities, clb_value when) {
      table_.schema[index_].implies = capabilities;
      table_.schema[index_].implied_when = when;
    }
    detail::ParamTable<T>& table_;
    size_t index_;
  };

  Added flag(const char* name, bool S::*member, const char* help) {
    return add(name, help, {CLB_TYPE_BOOL, 0, {.i = initial(member)}}, {0, 0}, member, [](const clb_value& v) { return v.as.i != 0; });
  }
  Added integer(const char* name, int64_t S::*member, Range range, const char* help) {
    return add(name, help, {CLB_TYPE_INT, 0, {.i = initial(member)}}, range, member, [](const clb_value& v) { return v.as.i; });
  }
  Added real(const char* name, double S::*member, Range range, const char* help) {
    return add(name, help, {CLB_TYPE_FLOAT, 0, {.f = initial(member)}}, range, member, [](const clb_value& v) { return v.as.f; });
  }
  Added string(const char* name, std::string S::*member, const char* help) {
    return add(name, help, {CLB_TYPE_STRING, 0, {.s = initial(member).c_str()}}, {0, 0}, member, [](const clb_value& v) { return v.as.s; });
  }
  Added choice(const char* name, std::string S::*member, std::initializer_list<const char*> choices, const char* help) {
    table_.choices.emplace_back(choices);
    Added added =
        add(name, help, {CLB_TYPE_CHOICE, 0, {.s = initial(member).c_str()}}, {0, 0}, member, [](const clb_value& v) { return v.as.s; });
    table_.schema.back().choices = table_.choices.back().data();
    table_.schema.back().choice_count = static_cast<uint32_t>(table_.choices.back().size());
    return added;
  }
  Added integers(const char* name, std::vector<int64_t> S::*member, Range range, const char* help) {
    const auto& list = initial(member);
    return add(name, help, {CLB_TYPE_INT_LIST, static_cast<uint32_t>(list.size()), {.ints = list.data()}}, range, member,
               [](const clb_value& v) { return std::vector<int64_t>(v.as.ints, v.as.ints + v.count); });
  }
  Added reals(const char* name, std::vector<double> S::*member, Range range, const char* help) {
    const auto& list = initial(member);
    return add(name, help, {CLB_TYPE_FLOAT_LIST, static_cast<uint32_t>(list.size()), {.floats = list.data()}}, range, member,
               [](const clb_value& v) { return std::vector<double>(v.as.floats, v.as.floats + v.count); });
  }

 private:
  template <class>
  friend class Params;
  using Reach = std::function<S&(T&)>;
  ParamScope(detail::ParamTable<T>& table, Reach reach) : table_(table), reach_(std::move(reach)) {}

  template <class V>
  const V& initial(V S::*member) {
    return reach_(table_.defaults).*member;
  }
  template <class V, class Read>
  Added add(const char* name, const char* help, clb_value value, Range range, V S::*member, Read read) {
    clb_param param{};
    param.struct_size = sizeof param;
    param.name = name;
    param.help = help;
    param.default_value = value;
    param.min = range.min;
    param.max = range.max;
    table_.schema.push_back(param);
    table_.setters.push_back([reach = reach_, member, read](T& t, const clb_value& v) { reach(t).*member = read(v); });
    return {table_, table_.schema.size() - 1};
  }

  detail::ParamTable<T>& table_;
  Reach reach_;
};

// The schema of one method class T.
template <class T>
class Params : public ParamScope<T, T> {
 public:
  Params() : ParamScope<T, T>(table_, [](T& t) -> T& { return t; }) {}
  Params(const Params&) = delete;
  Params& operator=(const Params&) = delete;

  // Declares members of a member: p.in(&Method::fit_).real("lr", &nn::FitOptions::lr, ...).
  template <class S>
  ParamScope<T, S> in(S T::*member) {
    return {table_, [member](T& t) -> S& { return t.*member; }};
  }

  const std::vector<clb_param>& schema() const { return table_.schema; }

  // Fills the members of `t` from settings that the host has checked; order and types must be those of the schema.
  void apply(T& t, const clb_setting* settings, uint32_t count, uint32_t stride) const {
    if (count != schema().size())
      throw PluginError(CLB_E_INVALID, "got " + std::to_string(count) + " settings, wanted " + std::to_string(schema().size()));
    for (uint32_t k = 0; k < count; ++k) {
      const auto& setting = *reinterpret_cast<const clb_setting*>(reinterpret_cast<const char*>(settings) + size_t{k} * stride);
      if (schema()[k].name != std::string_view(setting.name) || schema()[k].default_value.type != setting.value.type)
        throw PluginError(CLB_E_INVALID, std::string("setting ") + setting.name + " stands where " + schema()[k].name + " belongs");
      table_.setters[k](t, setting.value);
    }
  }

 private:
  detail::ParamTable<T> table_;
};

}  // namespace clb
