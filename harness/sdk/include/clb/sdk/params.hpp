// Parameters of a method, each stated once: the default is the member's initialiser; name, range and sentence are given here. Schema,
// --help, TOML checks and the filling of the members follow from it. Members of a member (the options of a part) are declared through
// ParamScope::in.
#pragma once

#include <clb/param.h>

#include <clb/sdk/error.hpp>
#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
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
  std::vector<std::shared_ptr<const void>> neutrals;  // what neutral values of the schema point into
  std::deque<std::vector<clb_implication>> further;   // implications of a parameter but for the first
};

// `value` as the ABI has it, of a parameter of that type; it points into `value`.
inline clb_value as_clb(uint32_t type, const bool& value) { return {type, 0, {.i = value}}; }
inline clb_value as_clb(uint32_t type, const int64_t& value) { return {type, 0, {.i = value}}; }
inline clb_value as_clb(uint32_t type, const double& value) { return {type, 0, {.f = value}}; }
inline clb_value as_clb(uint32_t type, const std::string& value) { return {type, 0, {.s = value.c_str()}}; }
inline clb_value as_clb(uint32_t type, const std::vector<int64_t>& value) {
  return {type, static_cast<uint32_t>(value.size()), {.ints = value.data()}};
}
inline clb_value as_clb(uint32_t type, const std::vector<double>& value) {
  return {type, static_cast<uint32_t>(value.size()), {.floats = value.data()}};
}

inline clb_value as_clb(uint32_t type, const std::vector<std::string>& value) {
  static auto& kept = *new std::deque<std::vector<const char*>>;  // schemas live as long as the process
  auto& texts = kept.emplace_back();
  for (const std::string& text : value) texts.push_back(text.c_str());
  return {type, static_cast<uint32_t>(texts.size()), {.strings = texts.data()}};
}

}  // namespace detail

// Declares parameters that are members of S, which is T itself or a member of it.
template <class T, class S>
class ParamScope {
 public:
  template <class V>
  class Added {  // what may follow a declaration of a parameter with values V
   public:
    // The run claims `capabilities` in addition when this parameter has the value `when`. May be said of several values.
    Added& implies(uint64_t capabilities, bool when = true) { return set(capabilities, {CLB_TYPE_BOOL, 0, {.i = when}}); }
    Added& implies(uint64_t capabilities, const char* when) { return set(capabilities, {CLB_TYPE_CHOICE, 0, {.s = when}}); }

    // An integer that counts blocks of the network of role main: more than there are are refused before anything starts.
    Added& counts_blocks() {
      schema().counts = CLB_COUNTS_BLOCKS;
      return *this;
    }

    // For a parameter that comes to a method, or to options that methods share, after runs have been stored: the value that means "as
    // before this existed". With it a run has the key that it always had, and joins the rows of before. It never changes. The default
    // is another matter: where it differs, runs that say nothing of the parameter are new ones.
    Added& neutral(V value) {
      const auto kept = std::make_shared<const V>(std::move(value));
      table_.neutrals.push_back(kept);
      schema().neutral = detail::as_clb(schema().default_value.type, *kept);
      return *this;
    }

    // The heading under which help shows it.
    Added& group(const char* heading) {
      schema().group = heading;
      return *this;
    }

   private:
    friend class ParamScope;
    Added(detail::ParamTable<T>& table, size_t index) : table_(table), index_(index) {}
    clb_param& schema() { return table_.schema[index_]; }
    Added& set(uint64_t capabilities, clb_value when) {
      if (schema().implies == 0) {
        schema().implies = capabilities;
        schema().implied_when = when;
        return *this;
      }
      if (further_ == nullptr) further_ = &table_.further.emplace_back();
      further_->push_back({sizeof(clb_implication), 0, when, capabilities});
      schema().implications = further_->data();
      schema().implication_count = static_cast<uint32_t>(further_->size());
      schema().implication_stride = sizeof(clb_implication);
      return *this;
    }
    detail::ParamTable<T>& table_;
    size_t index_;
    std::vector<clb_implication>* further_ = nullptr;
  };

  Added<bool> flag(const char* name, bool S::*member, const char* help) {
    return add(CLB_TYPE_BOOL, name, help, {0, 0}, member, [](const clb_value& v) { return v.as.i != 0; });
  }
  Added<int64_t> integer(const char* name, int64_t S::*member, Range range, const char* help) {
    return add(CLB_TYPE_INT, name, help, range, member, [](const clb_value& v) { return v.as.i; });
  }
  Added<double> real(const char* name, double S::*member, Range range, const char* help) {
    return add(CLB_TYPE_FLOAT, name, help, range, member, [](const clb_value& v) { return v.as.f; });
  }
  Added<std::string> string(const char* name, std::string S::*member, const char* help) {
    return add(CLB_TYPE_STRING, name, help, {0, 0}, member, [](const clb_value& v) { return v.as.s; });
  }
  Added<std::string> choice(const char* name, std::string S::*member, std::initializer_list<const char*> choices, const char* help) {
    return choice(name, member, std::vector<const char*>(choices), help);
  }
  Added<std::string> choice(const char* name, std::string S::*member, std::vector<const char*> choices, const char* help) {
    table_.choices.push_back(std::move(choices));
    Added<std::string> added = add(CLB_TYPE_CHOICE, name, help, {0, 0}, member, [](const clb_value& v) { return v.as.s; });
    table_.schema.back().choices = table_.choices.back().data();
    table_.schema.back().choice_count = static_cast<uint32_t>(table_.choices.back().size());
    return added;
  }
  Added<std::vector<int64_t>> integers(const char* name, std::vector<int64_t> S::*member, Range range, const char* help) {
    return add(CLB_TYPE_INT_LIST, name, help, range, member,
               [](const clb_value& v) { return std::vector<int64_t>(v.as.ints, v.as.ints + v.count); });
  }
  // choices: what an element may be; none: anything.
  Added<std::vector<std::string>> strings(const char* name, std::vector<std::string> S::*member, std::initializer_list<const char*> choices,
                                          const char* help) {
    auto added = add(CLB_TYPE_STRING_LIST, name, help, {0, 0}, member,
                     [](const clb_value& v) { return std::vector<std::string>(v.as.strings, v.as.strings + v.count); });
    if (choices.size() == 0) return added;
    table_.choices.emplace_back(choices);
    table_.schema.back().choices = table_.choices.back().data();
    table_.schema.back().choice_count = static_cast<uint32_t>(choices.size());
    return added;
  }
  Added<std::vector<double>> reals(const char* name, std::vector<double> S::*member, Range range, const char* help) {
    return add(CLB_TYPE_FLOAT_LIST, name, help, range, member,
               [](const clb_value& v) { return std::vector<double>(v.as.floats, v.as.floats + v.count); });
  }

  // Declares members of a member: p.in(&Method::fit_).real("lr", &nn::FitOptions::lr, ...).
  template <class Inner>
  ParamScope<T, Inner> in(Inner S::*member) {
    return {table_, [reach = reach_, member](T& t) -> Inner& { return reach(t).*member; }};
  }

 private:
  template <class, class>
  friend class ParamScope;
  template <class>
  friend class Params;
  using Reach = std::function<S&(T&)>;
  ParamScope(detail::ParamTable<T>& table, Reach reach) : table_(table), reach_(std::move(reach)) {}

  template <class V, class Read>
  Added<V> add(uint32_t type, const char* name, const char* help, Range range, V S::*member, Read read) {
    clb_param param{};
    param.struct_size = sizeof param;
    param.name = name;
    param.help = help;
    param.default_value = detail::as_clb(type, reach_(table_.defaults).*member);
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

// A method or a dataset without parameters need not declare any.
template <class T>
concept HasParams = requires(Params<T>& p) {
  T::params(p);
};

// The parameters of T, as long as the process: tables point into them.
template <class T>
const Params<T>& params_of() {
  static const Params<T>& params = *[] {
    auto* p = new Params<T>();
    if constexpr (HasParams<T>) T::params(*p);
    return p;
  }();
  return params;
}

}  // namespace clb
