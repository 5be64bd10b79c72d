(** The dimension of the manifold: the number of free units less the number of parts that can shift as a whole; for degree
    1 these are the parts without ground. Connections of weight zero are not in the graph, so they do not count.

    [basis g us b]       the multipliers b i, i in us, come from scales; they are independent; and all multipliers that come
                         from scales are combinations of them.
    [dimension g d]      some basis has d members (dimension_unique: then every basis has).
    [of_unit g i]        the multipliers of a shift of unit i alone, by 1. *)
From Coq Require Import Reals Psatz List Arith Lia Classical_Prop.
From synbal Require Import Sums Graph Regularizer Manifold Anchored CycleGains Roots Linear.
Import ListNotations.
Open Scope R_scope.

Definition basis g (us : list nat) (b : nat -> connection -> R) := NoDup us /\
  (forall i, In i us -> from_scales g (b i)) /\
  (forall L, from_scales g L -> exists a : point, forall e, In e (connections g) -> L e = sum (fun i => a i * b i e) us) /\
  (forall a : point, (forall e, In e (connections g) -> sum (fun i => a i * b i e) us = 0) -> forall i, In i us -> a i = 0).

Definition dimension g d := exists us b, basis g us b /\ length us = d.

(** ** Every basis has the same number of members. *)
Lemma nontrivial_solution us : NoDup us -> forall forms : list point, (length forms < length us)%nat ->
  exists x, (exists i, In i us /\ x i <> 0) /\ forall a, In a forms -> value us a x = 0.
Proof.
  induction us as [|u us IH]; intros ND forms L; [simpl in L; lia|].
  apply NoDup_cons_iff in ND. destruct ND as [Nu ND].
  assert (out : forall a y t, value us a (set y u t) = value us a y).
  { intros a y t. apply sum_ext. intros i I. rewrite set_other; [reflexivity|]. intros ->. tauto. }
  destruct (classic (exists k, In k forms /\ k u <> 0)) as [[k [Ik Nk]]|N].
  - destruct (in_split k forms Ik) as [l1 [l2 E]].
    set (cut := fun (a : point) i => a i - a u / k u * k i).
    assert (CV : forall a z, value us (cut a) z = value us a z - a u / k u * value us k z).
    { intros a z. unfold value, cut. rewrite <- sum_scale, <- sum_minus. apply sum_ext. intros; ring. }
    destruct (IH ND (map cut (l1 ++ l2))) as [y [[i [I Z]] H]].
    { rewrite map_length. rewrite E, app_length in L. rewrite app_length. simpl in L. lia. }
    exists (set y u (- value us k y / k u)). split.
    + exists i. split; [now right|]. rewrite set_other; auto. intros ->. tauto.
    + intros a Ia. unfold value at 1. simpl. fold (value us a (set y u (- value us k y / k u))). rewrite out, set_same.
      assert (C : a = k \/ In a (l1 ++ l2)).
      { rewrite E in Ia. apply in_app_iff in Ia. rewrite in_app_iff. destruct Ia as [Ia|[Ia|Ia]]; auto. }
      destruct C as [->|C]; [field; auto|]. pose proof (H (cut a) (in_map cut _ a C)) as K. rewrite CV in K.
      replace (value us a y) with (a u / k u * value us k y) by lra. field. auto.
  - exists (set (fun _ => 0) u 1). split; [exists u; split; [now left|rewrite set_same; lra]|].
    intros a I. unfold value at 1. simpl. fold (value us a (set (fun _ => 0) u 1)). rewrite out, set_same.
    assert (Z : a u = 0) by (apply NNPP; intro K; apply N; eauto).
    rewrite Z. unfold value. rewrite sum_null; [ring|]. intros; ring.
Qed.

Lemma choose (P : nat -> point -> Prop) us : (forall i, In i us -> exists c, P i c) ->
  exists C, forall i, In i us -> P i (C i).
Proof.
  induction us as [|u us IH]; intro H.
  - exists (fun _ _ => 0). intros i [].
  - destruct IH as [C K]; [intros; apply H; now right|]. destruct (H u (or_introl eq_refl)) as [c Pc].
    exists (fun i => if Nat.eqb i u then c else C i). intros i I. destruct (Nat.eqb_spec i u) as [->|N]; auto.
    destruct I as [<-|I]; [tauto|auto].
Qed.

Lemma basis_no_longer g us b us' b' : basis g us b -> basis g us' b' -> (length us' <= length us)%nat.
Proof.
  intros [ND [In_b [Span _]]] [ND' [In_b' [_ Ind']]]. apply Nat.nlt_ge. intro L.
  destruct (choose (fun j c => forall e, In e (connections g) -> b' j e = sum (fun i => c i * b i e) us) us') as [C HC].
  { intros j J. apply Span. auto. }
  destruct (nontrivial_solution us' ND' (map (fun i j => C j i) us)) as [a [[j [J Z]] H]].
  { now rewrite map_length. }
  apply Z. apply (Ind' a); auto. intros e I.
  rewrite (sum_ext _ (fun j => sum (fun i => b i e * (C j i * a j)) us)).
  2:{ intros j' J'. rewrite (HC j' J' e I), <- sum_scale. apply sum_ext. intros; ring. }
  rewrite sum_swap. apply sum_null. intros i Ii. rewrite sum_scale.
  pose proof (H (fun j => C j i) (in_map (fun i j => C j i) us i Ii)) as K. unfold value in K. rewrite K. ring.
Qed.

Theorem dimension_unique g d d' : dimension g d -> dimension g d' -> d = d'.
Proof.
  intros [us [b [B <-]]] [us' [b' [B' <-]]].
  apply Nat.le_antisymm; eapply basis_no_longer; eauto.
Qed.

(** ** Shifts of single units *)
Definition of_unit g i := exponent g (set (fun _ => 0) i 1).

Lemma combination_of_units g (us : list nat) (x : point) e : NoDup us -> supported us x ->
  sum (fun i => x i * of_unit g i e) us = exponent g x e.
Proof.
  intros ND S. rewrite (exponent_value g us x e ND S). unfold value. apply sum_ext. intros i _.
  unfold of_unit, exponent, form, set.
  destruct (Nat.eqb (head e) i); destruct (Nat.eqb_spec (tail e) i) as [->|]; ring.
Qed.

Lemma nodup_app (l m : list nat) : NoDup l -> NoDup m -> (forall i, In i l -> ~ In i m) -> NoDup (l ++ m).
Proof.
  intros L M D. induction L as [|i l N L IH]; simpl; auto. constructor.
  - rewrite in_app_iff. intros [I|I]; [tauto|]. apply (D i); simpl; auto.
  - apply IH. intros j J. apply D. now right.
Qed.

Section Count.
Variables (g : graph) (us roots : list nat).
Hypotheses (us_nodup : NoDup us) (us_free : forall i, In i us <-> free g i = true) (is_roots : roots_of g roots).

Definition others := filter (fun i => negb (existsb (Nat.eqb i) roots)) us.

Lemma others_spec i : In i others <-> free (fixed_at g roots) i = true.
Proof.
  unfold others. rewrite filter_In, us_free. simpl. rewrite Bool.andb_true_iff. tauto.
Qed.

Lemma supported_others x : grounded (fixed_at g roots) x <-> supported others x.
Proof.
  split; intros H i; specialize (H i).
  - intro N. apply H. destruct (free (fixed_at g roots) i) eqn:E; auto. apply others_spec in E. tauto.
  - intro F. apply H. intro I. apply others_spec in I. congruence.
Qed.

(** The units that are free and no roots give a basis. *)
Theorem units_are_basis : basis g others (of_unit g).
Proof.
  assert (ND : NoDup others) by now apply NoDup_filter.
  split; auto. split; [|split].
  - intros i I. exists (set (fun _ => 0) i 1). split; [|reflexivity]. intros j F. apply set_other. intros ->.
    apply others_spec, free_fixed_at in I. destruct I. congruence.
  - intros L Fs. apply (proj1 (scales_are_coordinates g roots is_roots L)) in Fs. destruct Fs as [x [G E]].
    exists x. intros e I. rewrite combination_of_units; auto; [|now apply supported_others]. now apply E.
  - intros a Z i I. assert (Gk : grounded (fixed_at g roots) (keep others a)) by apply supported_others, keep_supported.
    assert (K : keep others a i = 0).
    { apply (fixed_at_anchored g roots is_roots (keep others a) Gk). intros e Ie.
      change (exponent (fixed_at g roots)) with (exponent g).
      rewrite <- (combination_of_units g others (keep others a) e ND (keep_supported _ _)), <- (Z e Ie).
      apply sum_ext. intros j J. unfold keep. destruct in_dec; [reflexivity|tauto]. }
    unfold keep in K. destruct in_dec; [exact K|tauto].
Qed.

Lemma others_length : length others = (length us - length roots)%nat.
Proof.
  assert (L : (length others + length roots)%nat = length us); [|lia].
  rewrite <- app_length. apply Nat.le_antisymm; apply NoDup_incl_length.
  - apply nodup_app; [now apply NoDup_filter|apply is_roots|]. intros i I. apply others_spec, free_fixed_at in I. tauto.
  - intros i I. apply us_free. apply in_app_iff in I. destruct I as [I|I].
    + apply others_spec, free_fixed_at in I. tauto.
    + now apply is_roots.
  - auto.
  - intros i I. apply in_app_iff. destruct (in_dec Nat.eq_dec i roots) as [|N]; auto. left.
    apply others_spec, free_fixed_at. split; auto. now apply us_free.
Qed.

(** The theorem. Such a list of roots exists (roots_exist in Roots.v). *)
Theorem dimension_of_manifold : dimension g (length us - length roots).
Proof. exists others, (of_unit g). split; [apply units_are_basis|apply others_length]. Qed.
End Count.

(** Degree 1, every free unit linked to the ground: the dimension is the number of free units. *)
Corollary dimension_linked g us : linear_degree g -> NoDup us -> (forall i, In i us <-> free g i = true) ->
  (forall i, free g i = true -> linked g i) -> dimension g (length us).
Proof.
  intros D ND H L. assert (R : roots_of g []).
  { split; [constructor|]. split; [intros i []|]. split; [|intros i j []]. intros i [F [N _]]. exfalso. auto. }
  pose proof (dimension_of_manifold g us [] ND H R) as K. now rewrite Nat.sub_0_r in K.
Qed.
