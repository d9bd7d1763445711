// Prints the two keys of each spec of a file, one a line. Built from the sources of RunSpec with a member more (new_member.sed), whose
// value is the second argument; specs do not name it where it is neutral.
#include <clb/base/file.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/base/sha256.hpp>
#include <cstdio>
#include <sstream>

int main(int argc, char** argv) {
  using namespace clb;
  if (argc != 3) return 2;
  std::istringstream lines(base::read_file(argv[1]));
  for (std::string line; std::getline(lines, line);) {
    base::RunSpec spec = base::RunSpec::from_json(base::parse_json(line, argv[1]), argv[1]);
    if (spec.to_json() != base::parse_json(line, argv[1])) return 1;  // a neutral member is not written
    spec.protocol.grown = argv[2] == std::string("true");
    spec = base::RunSpec::from_json(spec.to_json(), argv[1]);
    std::printf("%s %s\n", spec.key().c_str(), base::hex(base::sha256(base::canonical(spec.comparability_json()))).c_str());
  }
  return 0;
}
