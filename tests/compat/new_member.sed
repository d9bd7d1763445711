# The sources of RunSpec as they look after the recipe "A member of RunSpec" of HACKING.md was followed for protocol.grown.
s/^  double validation_fraction = .*/&\n  bool grown = false;/
s/{"validation_fraction", p.validation_fraction}/&, {"grown", p.grown}/
s/^  p.validation_fraction = .*/&\n  p.grown = m.flag("grown");/
s/^  static const std::vector<NeutralMember> members{/&{"protocol", "grown", false, 2, Decides::kTable},/
