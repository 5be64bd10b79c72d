(** The checker as an OCaml program: [check] becomes certificate_checker.ml. Booleans, lists, pairs and options become those
    of OCaml; the integers Z become those of zarith, with the six operations below: those in which the checker uses them.
    Z.div rounds down, as zarith's
    division does for positive divisors, and is 0 for a divisor 0. The numbers of units, N and positive, stay Coq's own types, whose bits lead
    through tables much faster than an integer is divided. The checker neither takes an integer of Z apart nor builds one
    other than 0: where Coq's own definitions of the operations do, which are translated but not called, the program ends. *)
From Coq Require Import ZArith Extraction ExtrOcamlBasic.
From synbal Require Import Checker.
Extraction Language OCaml.
Extract Inductive Z => "Big_int_Z.big_int"
  [ "Big_int_Z.zero_big_int" "(fun _ -> assert false)" "(fun _ -> assert false)" ] "(fun _ _ _ _ -> assert false)".
Extract Inlined Constant Z.add => "Big_int_Z.add_big_int".
Extract Inlined Constant Z.mul => "Big_int_Z.mult_big_int".
Extract Inlined Constant Z.opp => "Big_int_Z.minus_big_int".
Extract Inlined Constant Z.ltb => "Big_int_Z.lt_big_int".
Extract Inlined Constant Z.leb => "Big_int_Z.le_big_int".
Extract Inlined Constant Z.div => "Big_int_Z.(fun a b ->
  match sign_big_int b with
  | 0 -> zero_big_int
  | 1 -> div_big_int a b
  | _ -> div_big_int (minus_big_int a) (minus_big_int b))".
Extraction "certificate_checker.ml" check.
