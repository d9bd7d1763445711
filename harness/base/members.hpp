// Strict access to the members of a JSON object: presence, type and range are checked, unknown members are errors. Every Error names the
// member by its path ("run.json: protocol.task_sizes[3] ...").
#pragma once

#include <clb/base/error.hpp>
#include <clb/base/json.hpp>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace clb::base {

class Members {
 public:
  // `where` (a file or "event") opens every sentence. Error when `json` is no object. `kind`: of an object some of whose members may be
  // absent, because they have neutral values (neutral.hpp).
  Members(const Json& json, std::string where, Exit exit, std::string path = "", const char* kind = "");

  int64_t integer(const char* name, int64_t min = std::numeric_limits<int64_t>::min(), int64_t max = std::numeric_limits<int64_t>::max());
  uint64_t bits(const char* name);  // an unsigned 64-bit mask
  double real(const char* name, double min = std::numeric_limits<double>::lowest(), double max = std::numeric_limits<double>::max());
  bool flag(const char* name);
  std::string text(const char* name);
  std::string path_of(const char* name);  // bytes, written with path_text
  std::string choice(const char* name, std::initializer_list<const char*> choices);
  std::vector<int64_t> integers(const char* name, int64_t min = std::numeric_limits<int64_t>::min(),
                                int64_t max = std::numeric_limits<int64_t>::max());
  std::vector<double> reals(const char* name, size_t count);
  std::vector<std::string> texts(const char* name);
  Members object(const char* name, const char* kind = "");
  std::vector<Members> objects(const char* name, const char* kind = "");
  // Like objects(), one after the other, for lists of any length. The last thing done with each is finish().
  void each(const char* name, const std::function<void(Members&)>& read);
  const Json& any(const char* name);
  const std::string& path() const { return path_; }
  const Json& json() const { return *json_; }

  void finish() const;  // Error when the object has a member that was not asked for

  [[noreturn]] void fail(const std::string& name, const std::string& problem) const;

 private:
  int64_t check_integer(const Json& value, const std::string& name, int64_t min, int64_t max) const;
  double check_real(const Json& value, const std::string& name, double min, double max) const;
  const Json& array(const char* name);

  const Json* json_;
  std::string where_, path_;
  const char* kind_;
  Exit exit_;
  std::set<std::string> asked_;
};

}  // namespace clb::base
