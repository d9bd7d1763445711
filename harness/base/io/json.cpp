#include <clb/base/error.hpp>
#include <clb/base/foreign_format.hpp>
#include <clb/base/json.hpp>
#include <utility>
#include <vector>

namespace clb::base {

namespace {

constexpr size_t kMaxDepth = 64;

// Builds the value while it is parsed. Json::parse with a callback would do, were it not quadratic in the length of a list of objects: it
// looks through the whole list again after each of them. Refuses deep nesting and repeated keys, of which Json::parse keeps the last.
class Builder {
 public:
  Builder(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(int64_t value) { return add(value); }
  bool number_unsigned(uint64_t value) { return add(value); }
  bool number_float(double value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t& value) { return add(std::move(value)); }  // never comes from text
  bool start_object(size_t) { return open(Json::object()); }
  bool start_array(size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    const auto [member, is_new] = open_.back()->get_ref<Json::object_t&>().emplace(name, nullptr);
    if (!is_new) throw Error(name_ + ": member " + canonical(name) + " appears twice in one JSON object");
    member_ = &member->second;
    return true;
  }
  bool parse_error(size_t at, const std::string&, const Json::exception& error) {
    if (!dynamic_cast<const Json::parse_error*>(&error)) throw Error(name_ + ": a number in the JSON is out of range");
    const std::string said = stand_in({reinterpret_cast<const uint8_t*>(text_.data()), text_.size()});
    throw Error(name_ + ": " + (said.empty() ? "not valid JSON at byte " + std::to_string(at) : said));
  }

  Json take() { return std::move(root_); }

 private:
  template <class Value>
  bool add(Value&& value) {
    place(std::forward<Value>(value));
    return true;
  }
  // The value's place in what is open. A list that grows may move its elements; none of them is open then.
  Json& place(Json value) {
    if (open_.empty()) return root_ = std::move(value);
    if (open_.back()->is_array()) return open_.back()->get_ref<Json::array_t&>().emplace_back(std::move(value));
    return *member_ = std::move(value);
  }
  bool open(Json value) {
    if (open_.size() >= kMaxDepth) throw Error(name_ + ": nested deeper than " + std::to_string(kMaxDepth) + " levels of JSON");
    open_.push_back(&place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  const std::string& name_;
  Json root_;
  Json* member_ = nullptr;   // the key that came last
  std::vector<Json*> open_;  // lists and objects, from the outermost
};

}  // namespace

Json parse_json(std::string_view text, const std::string& name) {
  Builder builder(text, name);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

std::string pretty(const Json& value) { return value.dump(2, ' ', false, Json::error_handler_t::replace); }

std::string canonical(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace clb::base
