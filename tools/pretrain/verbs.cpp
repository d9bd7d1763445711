#include "verbs.hpp"

#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/base/nearest.hpp>
#include <sstream>

namespace clb::pretrain {

namespace po = boost::program_options;

bool parse(const Words& words, po::options_description& described, const Command& command, po::variables_map& values) {
  described.add_options()("help,h", "this text");
  po::options_description all;
  all.add(described);
  if (command.recipe) all.add_options()("recipe", po::value<std::string>());
  po::positional_options_description positions;
  if (command.recipe) positions.add("recipe", 1);
  try {
    const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(words).options(all).positional(positions).style(style).run(), values);
  } catch (const po::unknown_option& error) {
    std::vector<std::string> names;
    for (const auto& option : described.options()) names.push_back("--" + option->long_name());
    const std::string near = base::nearest(error.get_option_name(), names);
    throw base::Error(fmt::format("unknown option {}; {}", error.get_option_name(),
                                  near.empty() ? "--help lists them" : fmt::format("did you mean {}?", near)));
  } catch (const po::error& error) {
    throw base::Error(fmt::format("{}; --help shows how", error.what()));
  }
  if (values.count("help") > 0) {
    std::ostringstream options;
    options << described;
    fmt::print("usage: {}\n\n{}\n{}", command.usage, options.str(), command.example);
    return false;
  }
  if (command.recipe && values.count("recipe") == 0) throw base::Error(fmt::format("a recipe is missing; usage: {}", command.usage));
  try {
    po::notify(values);
  } catch (const po::error& error) {
    throw base::Error(fmt::format("{}; --help shows how", error.what()));
  }
  return true;
}

}  // namespace clb::pretrain
