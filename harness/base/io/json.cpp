#include <clb/base/error.hpp>
#include <clb/base/foreign_format.hpp>
#include <clb/base/json.hpp>
#include <set>
#include <vector>

namespace clb::base {

namespace {

constexpr int kMaxDepth = 64;

// Watches a parse: refuses deep nesting and repeated keys, of which nlohmann's parser would silently keep the last.
class ParseGuard {
 public:
  explicit ParseGuard(const std::string& name) : name_(name) {}

  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth >= kMaxDepth) throw Error(name_ + ": nested deeper than " + std::to_string(kMaxDepth) + " levels of JSON");
    if (event == Json::parse_event_t::object_start) {
      keys_.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys_.pop_back();
    } else if (event == Json::parse_event_t::key && !keys_.back().insert(parsed.get<std::string>()).second) {
      throw Error(name_ + ": member " + canonical(parsed) + " appears twice in one JSON object");
    }
    return true;
  }

 private:
  const std::string& name_;
  std::vector<std::set<std::string>> keys_;  // of every object that is open
};

}  // namespace

Json parse_json(std::string_view text, const std::string& name) {
  ParseGuard guard(name);
  try {
    return Json::parse(text.begin(), text.end(),
                       [&guard](int depth, Json::parse_event_t event, Json& parsed) { return guard(depth, event, parsed); });
  } catch (const Json::parse_error& error) {
    const std::string said = stand_in({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    if (!said.empty()) throw Error(name + ": " + said);
    throw Error(name + ": not valid JSON at byte " + std::to_string(error.byte));
  } catch (const Json::exception&) {
    throw Error(name + ": a number in the JSON is out of range");
  }
}

std::string pretty(const Json& value) { return value.dump(2, ' ', false, Json::error_handler_t::replace); }

std::string canonical(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace clb::base
