#include "members.hpp"

#include <clb/base/path_text.hpp>
#include <cmath>
#include <utility>

#include "neutral.hpp"

namespace clb::base {

namespace {

std::string shown(const Json& value) {
  std::string text = canonical(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

std::string element(const char* name, size_t i) { return std::string(name) + "[" + std::to_string(i) + "]"; }

}  // namespace

Members::Members(const Json& json, std::string where, Exit exit, std::string path, const char* kind)
    : json_(&json), where_(std::move(where)), path_(std::move(path)), kind_(kind), exit_(exit) {
  if (!json.is_object()) {
    throw Error(where_ + ": " + (path_.empty() ? "the whole" : "member " + path_) + " must be a JSON object, found " + shown(json), exit_);
  }
}

void Members::fail(const std::string& name, const std::string& problem) const {
  throw Error(where_ + ": member " + (path_.empty() ? name : path_ + "." + name) + " " + problem, exit_);
}

const Json& Members::any(const char* name) {
  asked_.insert(name);
  auto it = json_->find(name);
  if (it != json_->end()) return *it;
  const Json* neutral = neutral_of(kind_, name);
  if (neutral == nullptr) fail(name, "is missing");
  return *neutral;
}

int64_t Members::check_integer(const Json& value, const std::string& name, int64_t min, int64_t max) const {
  if (!value.is_number_integer()) fail(name, "must be an integer, found " + shown(value));
  const bool too_large = value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (too_large || value.get<int64_t>() < min || value.get<int64_t>() > max) {
    fail(name, "must lie in [" + std::to_string(min) + ", " + std::to_string(max) + "], found " + shown(value));
  }
  return value.get<int64_t>();
}

double Members::check_real(const Json& value, const std::string& name, double min, double max) const {
  if (!value.is_number()) fail(name, "must be a number, found " + shown(value));
  const double number = value.get<double>();
  if (!std::isfinite(number) || number < min || number > max) {
    fail(name, "must lie in [" + canonical(min) + ", " + canonical(max) + "], found " + shown(value));
  }
  return number;
}

int64_t Members::integer(const char* name, int64_t min, int64_t max) { return check_integer(any(name), name, min, max); }

uint64_t Members::bits(const char* name) {
  const Json& value = any(name);
  if (!value.is_number_integer() || (!value.is_number_unsigned() && value.get<int64_t>() < 0)) {
    fail(name, "must be an unsigned integer, found " + shown(value));
  }
  return value.get<uint64_t>();
}

double Members::real(const char* name, double min, double max) { return check_real(any(name), name, min, max); }

std::string Members::path_of(const char* name) { return path_bytes(text(name)); }

bool Members::flag(const char* name) {
  const Json& value = any(name);
  if (!value.is_boolean()) fail(name, "must be true or false, found " + shown(value));
  return value.get<bool>();
}

std::string Members::text(const char* name) {
  const Json& value = any(name);
  if (!value.is_string()) fail(name, "must be a string, found " + shown(value));
  return value.get<std::string>();
}

std::string Members::choice(const char* name, std::initializer_list<const char*> choices) {
  const std::string value = text(name);
  std::string wanted;
  for (const char* choice : choices) {
    if (value == choice) return value;
    wanted += (wanted.empty() ? "" : ", ") + std::string(choice);
  }
  fail(name, "must be one of " + wanted + ", found " + shown(any(name)));
}

const Json& Members::array(const char* name) {
  const Json& value = any(name);
  if (!value.is_array()) fail(name, "must be a list, found " + shown(value));
  return value;
}

std::vector<int64_t> Members::integers(const char* name, int64_t min, int64_t max) {
  std::vector<int64_t> numbers;
  const Json& list = array(name);
  numbers.reserve(list.size());
  for (const Json& value : list) {
    // The name of an element is only built when something is wrong: predictions are lists of ten thousand numbers.
    const bool good = value.is_number_integer() && (!value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t{INT64_MAX}) &&
                      value.get<int64_t>() >= min && value.get<int64_t>() <= max;
    numbers.push_back(good ? value.get<int64_t>() : check_integer(value, element(name, numbers.size()), min, max));
  }
  return numbers;
}

std::vector<double> Members::reals(const char* name, size_t count) {
  const Json& list = array(name);
  if (list.size() != count) fail(name, "must hold " + std::to_string(count) + " numbers, found " + std::to_string(list.size()));
  std::vector<double> numbers;
  for (const Json& value : list) {
    numbers.push_back(
        check_real(value, element(name, numbers.size()), std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max()));
  }
  return numbers;
}

std::vector<std::string> Members::texts(const char* name) {
  std::vector<std::string> texts;
  for (const Json& value : array(name)) {
    if (!value.is_string()) fail(element(name, texts.size()), "must be a string, found " + shown(value));
    texts.push_back(value.get<std::string>());
  }
  return texts;
}

Members Members::object(const char* name, const char* kind) {
  return Members(any(name), where_, exit_, path_.empty() ? name : path_ + "." + name, kind);
}

std::vector<Members> Members::objects(const char* name, const char* kind) {
  std::vector<Members> objects;
  for (const Json& value : array(name)) {
    const std::string path = element(name, objects.size());
    objects.emplace_back(value, where_, exit_, path_.empty() ? path : path_ + "." + path, kind);
  }
  return objects;
}

void Members::each(const char* name, const std::function<void(Members&)>& read) {
  size_t i = 0;
  for (const Json& value : array(name)) {
    const std::string path = element(name, i++);
    Members one(value, where_, exit_, path_.empty() ? path : path_ + "." + path);
    read(one);
    one.finish();
  }
}

void Members::finish() const {
  for (const auto& [name, value] : json_->items()) {
    if (!asked_.contains(name)) fail(name, "is unknown, remove it or use the version of clbench that wrote it");
  }
}

}  // namespace clb::base
