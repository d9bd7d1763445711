// Templates, and how text gets into them.
#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <kainjow/mustache.hpp>

#include "site.hpp"

namespace clb::report {

namespace mustache = kainjow::mustache;
using base::Json;

namespace {

mustache::data to_mustache(const Json& value) {
  if (value.is_object()) {
    mustache::data object{mustache::data::type::object};
    for (const auto& [name, member] : value.items()) {
      object.set(name, to_mustache(member));
      if (member.is_array()) object.set("has_" + name, mustache::data{!member.empty()});  // what stands around a list once
    }
    return object;
  }
  if (value.is_array()) {
    mustache::data list{mustache::data::type::list};
    for (const Json& element : value) list.push_back(to_mustache(element));
    return list;
  }
  if (value.is_boolean()) return mustache::data{value.get<bool>()};
  if (value.is_null()) return mustache::data{mustache::data::type::bool_false};
  const std::string text = value.is_string() ? printable(value.get<std::string>()) : base::canonical(value);
  if (text.empty()) return mustache::data{mustache::data::type::bool_false};  // an empty text closes its section
  return mustache::data{text};
}

}  // namespace

std::string render_page(const std::filesystem::path& folder, const std::string& name, const Json& values, const std::string& content) {
  const std::filesystem::path file = folder / (name + ".html.mustache");
  mustache::mustache page(base::read_file(file));
  if (!page.is_valid()) throw base::Error(file.string() + ": " + page.error_message());
  mustache::data data = to_mustache(values);
  data.set("content", mustache::data{content});
  return page.render(data);
}

Json lines_of(const std::string& text) {
  Json lines = Json::array();
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::string script_json(const Json& value) {
  std::string text;
  for (const char c : value.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    if (c == '<') {
      text += "\\u003c";  // no "</script>" and no "<!--"
    } else {
      text += c;
    }
  }
  return text;
}

std::string file_name(const std::string& id) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
  constexpr const char* kHex = "0123456789abcdef";
  std::string name;
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    name += kPlain.find(c) != std::string_view::npos && !(c == '.' && name.empty()) ? std::string(1, c)
                                                                                    : std::string{'_', kHex[byte >> 4], kHex[byte & 15]};
  }
  return name;
}

std::string run_file(const store::RunRow& run) { return "run/" + run.key.substr(0, 16) + ".html"; }

}  // namespace clb::report
